"""Waits at exit for replies of the terminal that are still in flight. The shell would read them as typed keys."""

import threading
import time
from typing import Final

FIRST_REPLY_TIMEOUT_S: Final = 1.0
"""How long to wait for a terminal that has never replied: it may not reply at all."""

REPLY_TIMEOUT_S: Final = 3.0
"""How long to wait for a terminal that has replied before."""

LOST_AFTER_S: Final = 4.0
"""A reply that has not come this long after the last request is lost."""


class PendingReplies:
    """Counts the requests to the terminal that it has not answered.

    The drawing thread calls `expect_…` and `wait`, the reading thread the other methods. Terminals reply in the order
    of the requests, and some never report a mode.
    """

    def __init__(self) -> None:
        self._pending_cursors = 0
        self._is_mode_pending = self._has_replied = False
        self._mode_lost_at_s = self._cursor_lost_at_s = float("-inf")
        self._changed = threading.Condition()

    def expect_mode(self) -> None:
        """Count a request for a mode of the terminal."""
        with self._changed:
            self._is_mode_pending = True
            self._mode_lost_at_s = time.monotonic() + FIRST_REPLY_TIMEOUT_S

    def expect_cursor(self) -> None:
        """Count a request for the cursor's position."""
        with self._changed:
            self._pending_cursors += 1
            self._cursor_lost_at_s = time.monotonic() + LOST_AFTER_S

    def record_mode(self) -> None:
        """Count a reply about the mode."""
        with self._changed:
            self._is_mode_pending = False
            self._changed.notify_all()

    def record_cursor(self) -> None:
        """Count a reply about the cursor. The mode was requested earlier, so that its reply never comes now."""
        with self._changed:
            self._pending_cursors = max(0, self._pending_cursors - 1)
            self._is_mode_pending, self._has_replied = False, True
            self._changed.notify_all()

    def clear(self) -> None:
        """Expect no more replies: the terminal is closed."""
        with self._changed:
            self._pending_cursors, self._is_mode_pending = 0, False
            self._changed.notify_all()

    def wait(self) -> None:
        """Wait until all replies have come, or until a timeout."""
        with self._changed:
            now_s = time.monotonic()
            timeout_s = 0.0
            if self._is_mode_pending:
                timeout_s = self._mode_lost_at_s - now_s
            if self._pending_cursors:
                limit_s = REPLY_TIMEOUT_S if self._has_replied else FIRST_REPLY_TIMEOUT_S
                timeout_s = max(timeout_s, min(limit_s, self._cursor_lost_at_s - now_s))
            self._changed.wait_for(lambda: not self._pending_cursors and not self._is_mode_pending, max(0.0, timeout_s))
            self._pending_cursors, self._is_mode_pending = 0, False
