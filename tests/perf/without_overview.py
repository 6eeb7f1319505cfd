"""Runs the monitor without its overview, to compare: `python -m tests.perf.without_overview`, with its arguments."""

from unittest.mock import patch

from tui.cli import main
from tui.ui.screens.overview import Overview

if __name__ == "__main__":
    with patch.multiple(Overview, tick=lambda _: None, follow=lambda _: None):
        main()
