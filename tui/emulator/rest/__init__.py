"""Runs in the form of the REST API: rows, lists and their filters, large payloads, bodies of triggers.

`routes.runs` uses these functions.
"""
