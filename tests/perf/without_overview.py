"""Runs the monitor without its overview, to compare: `python -m tests.perf.without_overview`, with its arguments."""

from tui.features.runs.screen import Overview
from tui.program import main

if __name__ == "__main__":
    for name in ("tick", "follow"):
        setattr(Overview, name, lambda _: None)
    main()
