"""Error groups: lists of them with filters and cursors, their rows, and the bodies that change their state.

Source: tests/wire/recordings/README.md §11.
"""
