"""Follows the realtime feed, and tracks which runs it reports."""
