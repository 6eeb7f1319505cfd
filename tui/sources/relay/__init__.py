"""Reads everything from a relay instead of the API."""
