"""Traces: the tree of spans of a run, computed from its scripts, and the responses made of it.

All functions are pure. `routes.traces` uses them.
"""
