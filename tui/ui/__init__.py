"""The monitor: the only package that loads Textual.

`present` makes the texts, `store` holds the runs. All requests go through the session.
"""
