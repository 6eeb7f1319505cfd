"""One run: its page, and its values in full."""
