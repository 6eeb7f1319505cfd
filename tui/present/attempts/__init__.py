"""The attempts of a run: their table, their time axis, and their errors."""
