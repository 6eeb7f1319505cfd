"""Normalises the messages of errors: what differs between two failures of one kind becomes a placeholder."""
