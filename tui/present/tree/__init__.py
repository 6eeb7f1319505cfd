"""The tree of runs: its shape, its folds, and its rows."""
