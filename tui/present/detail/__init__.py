"""The page about one run: status, error, timeline, facts, relatives, values."""
