"""The state of the pane of logs: which lines are shown, where the cursor is, and the search."""
