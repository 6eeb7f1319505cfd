"""trigger-tui: a terminal for the runs of Trigger.dev.

What lives here: the version. The rooms below are described in ARCHITECTURE.md.
"""

__version__ = "0.1.0"
