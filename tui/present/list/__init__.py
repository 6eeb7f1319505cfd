"""What the list of runs says beside its rows."""
