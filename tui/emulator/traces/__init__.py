"""Traces: the tree of spans of a run, played from its scripts, and its three spellings.

What lives here: pure functions of a run and a moment. The routes over them are `routes.traces`.
"""
