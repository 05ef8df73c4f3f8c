"""Views of results for people: tables and access.md. No logic."""
