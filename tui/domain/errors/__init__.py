"""Errors of runs, their stacks, and the groups that they form."""
