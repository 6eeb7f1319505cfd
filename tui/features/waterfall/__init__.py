"""The waterfall: where the time of a run went."""
