"""The waterfall: spans as bars on one axis, and what is said about the selected span."""
