"""Exact sets of texts, numbers and requests; of AWS they know only the wildcards."""
