"""trigger-tui, a terminal UI for the runs of Trigger.dev. ARCHITECTURE.md describes its packages."""

__version__ = "0.1.0"
