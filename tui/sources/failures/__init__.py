"""Reads why runs failed: the failed runs of a span of time, their errors, and the server's groups of errors."""
