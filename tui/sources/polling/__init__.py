"""Polls the runs list: new runs, live runs, runs that ended, the history, counts."""
