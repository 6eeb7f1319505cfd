"""Searches the server for runs that match a filter and are not in the store yet."""
