"""The tree of runs around one run, and its other form, the waterfall: where the time of a run went."""
