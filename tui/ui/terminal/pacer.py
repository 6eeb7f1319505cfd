"""Decides when the terminal gets its next frame. Pure: every time is a parameter.

The first change after a quiet time is sent at once, the next one soon, and later ones ten times a second, or less often
while the terminal is behind. The echo of a key is sent at once if at most one old frame is on its way. Every frame is
the newest state, so nothing queues.
"""

import math
from collections import deque
from typing import Final

from tui.ui.terminal.link import LinkMeter

MIN_INTERVAL_S: Final = 0.1
INTERVALS_S: Final = ((0.5, 0.5), (0.15, 0.25), (0.0, MIN_INTERVAL_S))
"""The time between two frames of data, by the least lag of the terminal: 2, 4 or 10 frames a second."""

QUIET_S: Final = 0.5
"""The frame after this much quiet may be the ages': a change right behind it need not wait for a tenth of a second."""

SLOW_FRAMES: Final = 4
"""Frames in any second of the slow-link profile, echoes of keys included."""

SLOW_ECHO_FRAMES: Final = 1
"""Frames of these that are kept for echoes."""

ECHO_S: Final = 0.15
"""What is drawn this soon after a key was read or handled is its echo."""

ECHO_INTERVAL_S: Final = 1 / 60
"""The time between two frames that echo the same key, or of which the first came after quiet."""

LAYOUT_S: Final = 0.3
"""Widgets in new places are painted empty first: a frame waits at most this long until they have settled."""

MAX_OLD_FRAMES: Final = 1
"""Frames on their way to the terminal that the echo of a key may wait behind."""


class FramePacer:
    """The times of the keys and frames of one terminal."""

    def __init__(self) -> None:
        self.is_slow_profile = False
        self._echo_until_s = self._echo_sent_s = self._layout_until_s = -math.inf
        self._is_urgent = self._is_first_echo = False
        self._sent_s: deque[float] = deque([-math.inf] * SLOW_FRAMES, maxlen=SLOW_FRAMES)

    def record_key(self, now_s: float) -> None:
        """Record a key that was read or handled, or another reason to draw at once, such as a new size."""
        self._echo_until_s = now_s + ECHO_S
        self._is_first_echo = True

    def record_layout(self, now_s: float) -> None:
        """Record that widgets are about to get other places."""
        self._layout_until_s = now_s + LAYOUT_S

    def record_settled(self) -> None:
        """Record that widgets are painted in their new places."""
        self._layout_until_s = -math.inf

    def record_drawn(self, now_s: float) -> None:
        """Record that the wanted screen changed."""
        self._is_urgent = self._is_urgent or now_s <= self._echo_until_s

    def record_sent(self, now_s: float) -> None:
        """Record a frame that was sent."""
        if self._is_urgent:
            self._echo_sent_s = now_s
        self._is_urgent = self._is_first_echo = False
        self._sent_s.append(now_s)

    def wait_s(self, now_s: float, link: LinkMeter) -> float:
        """Return the time until the next frame may be sent."""
        if self._is_urgent:
            after_s = -math.inf if self._is_first_echo else self._sent_s[-1] + ECHO_INTERVAL_S
        else:
            interval_s = self._interval_s(now_s, link)
            if interval_s == MIN_INTERVAL_S and self._sent_s[-1] - self._sent_s[-2] >= QUIET_S:
                interval_s = ECHO_INTERVAL_S
            after_s = self._sent_s[-1] + interval_s
        after_s = max(after_s, self._layout_until_s)
        if self.is_slow_profile:
            after_s = max(after_s, self._slow_after_s())
        return max(0.0, link.wait_s(now_s, MAX_OLD_FRAMES if self._is_urgent else 0), after_s - now_s)

    def _slow_after_s(self) -> float:
        """Return when the slow-link profile allows the next frame. Echoes come evenly, and data leaves one for them."""
        if self._is_urgent:
            return max(self._sent_s[0] + 1.0, self._echo_sent_s + 1.0 / SLOW_FRAMES)
        return self._sent_s[SLOW_ECHO_FRAMES] + 1.0

    @staticmethod
    def _interval_s(now_s: float, link: LinkMeter) -> float:
        lag_s = link.lag_s(now_s)
        return next(interval_s for least_lag_s, interval_s in INTERVALS_S if lag_s >= least_lag_s)
