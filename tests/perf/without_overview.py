"""Runs the monitor without its overview, to compare: `python -m tests.perf.without_overview`, with its arguments."""

from tui.cli import main
from tui.ui.screens.overview import Overview

if __name__ == "__main__":
    for name in ("tick", "follow"):
        setattr(Overview, name, lambda _: None)
    main()
