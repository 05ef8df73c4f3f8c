"""Policies as sets of requests, and the questions that are asked of them."""
