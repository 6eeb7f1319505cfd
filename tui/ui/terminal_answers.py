"""Waits at the end for answers of the terminal that are still under way: a shell would take them for typed keys."""

import threading
import time
from typing import Final

LATE_WITHIN_S: Final = 1.0
"""How long the end waits for an answer."""

LOST_AFTER_S: Final = 4.0
"""An answer this long behind the last question is lost, or the terminal gives none."""


class LateAnswers:
    """Counts questions and answers. The thread that draws calls `ask` and `wait`, the one that reads the rest."""

    def __init__(self) -> None:
        self._owed = 0
        self._lost_at_s = float("-inf")
        self._changed = threading.Condition()

    def ask(self, questions: int, *, lost_after_s: float = LOST_AFTER_S) -> None:
        """Count questions that were sent."""
        with self._changed:
            self._owed += questions
            if questions:
                self._lost_at_s = time.monotonic() + lost_after_s

    def answer(self) -> None:
        """Count an answer."""
        with self._changed:
            self._owed = max(0, self._owed - 1)
            self._changed.notify_all()

    def end(self) -> None:
        """Expect no more: the terminal is gone."""
        with self._changed:
            self._owed = 0
            self._changed.notify_all()

    def wait(self) -> None:
        """Wait for what is owed, for a moment."""
        with self._changed:
            within_s = min(LATE_WITHIN_S, self._lost_at_s - time.monotonic())
            if within_s > 0:
                self._changed.wait_for(lambda: not self._owed, within_s)
            self._owed = 0
