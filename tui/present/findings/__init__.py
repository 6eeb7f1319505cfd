"""Findings and the verdict in words, for wall, overview, `status`, `wall --json` and alerts."""
