"""Waits at the end for answers of the terminal that are still under way: a shell would take them for typed keys."""

import threading
import time
from typing import Final

LATE_WITHIN_S: Final = 1.0
"""How long the end waits for a terminal that has not answered yet: it may give no answers."""

MAX_LATE_S: Final = 3.0
"""How long it waits for one that has."""

LOST_AFTER_S: Final = 4.0
"""An answer this long behind the last question is lost, or the terminal gives none."""


class LateAnswers:
    """Knows which answers are owed. The thread that draws calls `ask_…` and `wait`, the one that reads the rest.

    Terminals answer in the order of the questions, and not every terminal tells a mode.
    """

    def __init__(self) -> None:
        self._cursors = 0
        self._is_mode_owed = self._has_answered = False
        self._mode_lost_at_s = self._cursor_lost_at_s = float("-inf")
        self._changed = threading.Condition()

    def ask_mode(self) -> None:
        """Count a question for a mode of the terminal."""
        with self._changed:
            self._is_mode_owed = True
            self._mode_lost_at_s = time.monotonic() + LATE_WITHIN_S

    def ask_cursor(self) -> None:
        """Count a question for the cursor."""
        with self._changed:
            self._cursors += 1
            self._cursor_lost_at_s = time.monotonic() + LOST_AFTER_S

    def answer_mode(self) -> None:
        """Count an answer about the mode."""
        with self._changed:
            self._is_mode_owed = False
            self._changed.notify_all()

    def answer_cursor(self) -> None:
        """Count an answer about the cursor: the question for the mode, which came first, has none any more."""
        with self._changed:
            self._cursors = max(0, self._cursors - 1)
            self._is_mode_owed, self._has_answered = False, True
            self._changed.notify_all()

    def end(self) -> None:
        """Expect no more: the terminal is gone."""
        with self._changed:
            self._cursors, self._is_mode_owed = 0, False
            self._changed.notify_all()

    def wait(self) -> None:
        """Wait for what is owed, for a moment."""
        with self._changed:
            now_s = time.monotonic()
            within_s = 0.0
            if self._is_mode_owed:
                within_s = self._mode_lost_at_s - now_s
            if self._cursors:
                patience_s = MAX_LATE_S if self._has_answered else LATE_WITHIN_S
                within_s = max(within_s, min(patience_s, self._cursor_lost_at_s - now_s))
            self._changed.wait_for(lambda: not self._cursors and not self._is_mode_owed, max(0.0, within_s))
            self._cursors, self._is_mode_owed = 0, False
