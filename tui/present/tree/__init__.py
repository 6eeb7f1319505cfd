"""The tree of runs: its shape, what is folded, its rows."""
