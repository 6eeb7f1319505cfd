"""The tree of runs around one run."""
