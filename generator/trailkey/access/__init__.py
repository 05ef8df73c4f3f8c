"""What policies mean, on plain documents: parse, match, decide, prove, compare. Never imports ``templates``."""
