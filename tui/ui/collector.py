"""Keeps full garbage collections short, so that none delays a key.

A full collection visits every object that could be part of a cycle. With 100,000 runs in the store that takes 300 ms.
Runs are never part of a cycle: they are freed when the last reference to them goes. So the objects that survive a full
collection are frozen, which means that no later one visits them.

The widgets of a dialog do form cycles, and only a collection frees them: frozen, they would stay. So nothing is frozen
while a widget is among the survivors. The widgets of the main screen are frozen at the start.
"""

import gc
from collections.abc import Mapping
from typing import Final

from textual.widget import Widget

THRESHOLDS: Final = (500, 5, 1)
"""A full collection about every 6,000 new objects, 3 ms each. Python's own are rarer the more objects there are."""

_OLDEST: Final = 2
"""The generation that only a full collection visits. All its survivors are in this generation."""


class FreezingCollector:
    """Freezes the survivors of each full collection, unless a widget is one of them."""

    def __init__(self) -> None:
        self._thresholds = gc.get_threshold()

    def start(self) -> None:
        """Freeze all objects made so far, and start the collector."""
        self._thresholds = gc.get_threshold()
        gc.freeze()
        gc.set_threshold(*THRESHOLDS)
        gc.callbacks.append(self._on_collection)
        gc.enable()

    def stop(self) -> None:
        """Restore the collector, for another app in the same process."""
        if self._on_collection in gc.callbacks:
            gc.callbacks.remove(self._on_collection)
            gc.set_threshold(*self._thresholds)

    def _on_collection(self, phase: str, facts: Mapping[str, int]) -> None:
        if phase != "stop" or facts["generation"] != _OLDEST:
            return
        if not any(isinstance(each, Widget) for each in gc.get_objects(_OLDEST)):
            gc.freeze()
