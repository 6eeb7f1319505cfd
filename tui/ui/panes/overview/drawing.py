"""Imports everything that the overview is made and drawn by. A thread does so, after the first rows."""

from tui.present.overview import blocks, findings, queues
from tui.ui.panes.overview import live

__all__ = ["blocks", "findings", "live", "queues"]
