"""Findings in words, the calls for new ones, and what happened while the user was away."""
