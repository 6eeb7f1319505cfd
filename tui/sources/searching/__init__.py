"""Searches the server for runs that a filter may match and that were not read yet."""
