"""The output of ls, show, tree and watch."""
