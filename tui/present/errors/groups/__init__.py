"""The view of error groups: its rows, its pages and its sentences."""
