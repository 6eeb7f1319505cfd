"""Columns of one's own."""
