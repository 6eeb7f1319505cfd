"""Commands of one's own: which values of the selection they may name, and how these become arguments.

It imports nothing: the config file needs `template` before the first frame, and not `expansion`.
"""
