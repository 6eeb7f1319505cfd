"""Texts of the list of runs beside its rows."""
