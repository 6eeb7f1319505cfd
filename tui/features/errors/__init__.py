"""Error groups, and errors on every page."""
