"""Findings: what the facts and the runs of the store say is wrong, and the rows of the wall. Pure."""
