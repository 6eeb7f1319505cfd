"""Reads the error groups of the errors view, and keeps them up to date while it is shown."""
