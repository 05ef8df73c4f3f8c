"""Checks of rendered templates: lint and service limits. Each yields findings and never prints."""
