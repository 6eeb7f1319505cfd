"""When an overdue answer is asked for again, and when frames are sent without it. Pure."""

from typing import Final

REPEAT_AFTER_S: Final = 0.25
"""After an answer is overdue for so long, it is asked for again while a frame waits for it, and again after twice the
time, and so on."""

BLIND_ECHO_S: Final = 0.5
BLIND_DATA_S: Final = 2.0
"""After an answer is overdue for so long, the echo of a key, or a frame of data, is sent without it.

The next one is sent after twice the time, and so on: either answers are lost, or the link has stopped, or is far slower
than expected, and then each frame makes the next ones late.
"""

MAX_BLIND_ECHO_INTERVAL_S: Final = 2.0
MAX_OVERDUE_INTERVAL_S: Final = 30.0
"""The longest time between two echoes of that kind, and between two frames of data or two repetitions."""


class OverdueAnswer:
    """What was done about the answer that is overdue. Times count from when it was due."""

    def __init__(self) -> None:
        self._repeat_due_s, self._blind_s = REPEAT_AFTER_S, 0.0

    def end(self) -> None:
        """Record that an answer has come, or is not awaited any longer."""
        self._repeat_due_s, self._blind_s = REPEAT_AFTER_S, 0.0

    def record_sent(self, overdue_s: float) -> None:
        """Record a frame; `overdue_s` is 0 if no answer is overdue."""
        self._blind_s = max(self._blind_s, overdue_s)

    def record_repeat(self, overdue_s: float) -> None:
        """Record that the answer was asked for again."""
        self._repeat_due_s = _due_after(overdue_s, MAX_OVERDUE_INTERVAL_S)

    def repeat_wait_s(self, overdue_s: float) -> float:
        """Return the time until it should be asked for again."""
        return max(0.0, self._repeat_due_s - overdue_s)

    def frame_wait_s(self, overdue_s: float, *, is_echo: bool) -> float:
        """Return the time until a frame is sent without it."""
        longest_s = MAX_BLIND_ECHO_INTERVAL_S if is_echo else MAX_OVERDUE_INTERVAL_S
        least_s = BLIND_ECHO_S if is_echo else BLIND_DATA_S
        return max(0.0, max(least_s, _due_after(self._blind_s, longest_s)) - overdue_s)


def _due_after(overdue_s: float, longest_s: float) -> float:
    return min(2 * overdue_s, overdue_s + longest_s)
