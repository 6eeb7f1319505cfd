"""Texts that name a view of the monitor."""
