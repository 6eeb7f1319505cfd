"""Traces of runs: spans, and what they say about attempts and waits."""
