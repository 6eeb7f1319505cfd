"""Finds out whether a key was typed before or after a dialog was visible.

After drawing the dialog, the program requests the cursor's position from the terminal. The reply comes in the same
stream as the keys, after every key that was typed before the terminal drew the dialog. A multiplexer such as tmux or
screen replies instead of the terminal around it.
"""

from collections.abc import Callable
from enum import Enum, auto
from typing import Final

from tui.sources.clock import Clock, Timer

CURSOR_REQUEST: Final = "\x1b[6n"
"""Asks a terminal for the cursor's position (DSR 6)."""

SHOW_WAITING_AFTER_S: Final = 0.5
"""A dialog shows that it is waiting only after this delay, since most terminals reply at once."""

REQUEST_INTERVAL_S: Final = 2.0
"""The interval of repeated requests, in case a reply was lost."""

MAX_REQUESTS: Final = 5
"""The maximum number of requests for one dialog frame."""

SILENT_AFTER_S: Final = MAX_REQUESTS * REQUEST_INTERVAL_S
"""A terminal that has not replied after this long is taken to never reply."""


class FrameVisibility(Enum):
    """Whether the last frame of a dialog is visible."""

    WAITING = auto()
    """The terminal has not replied yet."""
    SEEN = auto()
    """Keys that come from now on were typed after the frame was drawn."""
    UNKNOWN = auto()
    """The terminal does not reply, so that a key may have been typed before the frame was drawn."""


class TypeAhead:
    """Matches the terminal's replies to dialog frames. All dialogs of a terminal share one.

    Terminals reply in the order of the requests, and replies have no id. Replies are therefore counted against all
    requests so far. A late reply to an old request never counts for a newer frame. If a reply is lost, the next frame
    needs one more request, until the loss is recognised.
    """

    def __init__(self, clock: Clock, request_cursor: Callable[[], bool]) -> None:
        """`request_cursor` sends a request. It returns False if the terminal is behind and the request was dropped."""
        self._clock = clock
        self._request_cursor = request_cursor
        self._request_count = self._reply_count = self._frame_requests = 0
        self._has_reply = False
        self._first_request_s: float | None = None
        self._awaited_reply = 0
        self._timer: Timer | None = None
        self._on_visibility: Callable[[FrameVisibility], None] | None = None

    @property
    def is_silent(self) -> bool:
        """Whether the terminal has never replied, although it had enough time."""
        began_s = self._first_request_s
        return not self._has_reply and began_s is not None and self._clock.monotonic_s() - began_s >= SILENT_AFTER_S

    def begin(self, on_visibility: Callable[[FrameVisibility], None]) -> Callable[[], None]:
        """Call `on_visibility` when it is known whether the frame that was just drawn is visible.

        Return a function that stops the reports. A later call of `begin` stops them too.
        """
        self._stop()
        is_silent = self.is_silent
        self._awaited_reply = self._request_count + 1
        self._frame_requests = 0
        self._request()  # even from a silent terminal: it may only have been slow
        if is_silent:
            on_visibility(FrameVisibility.UNKNOWN)
            return lambda: None
        self._on_visibility = on_visibility
        self._timer = self._clock.call_later(SHOW_WAITING_AFTER_S, self._report_waiting)
        return lambda: self._stop() if self._on_visibility is on_visibility else None

    def record_reply(self) -> None:
        """Count a reply of the terminal. Call it in order with the keys."""
        if self._reply_count == self._request_count:
            return  # no request is open: shift-F3 sends the same bytes
        self._reply_count += 1
        self._has_reply = True
        if self._on_visibility is not None and self._reply_count >= self._awaited_reply:
            self._end(FrameVisibility.SEEN)

    def record_lost_reply(self) -> None:
        """Expect no reply to the oldest open request."""
        if self._reply_count < self._request_count:
            self._reply_count += 1
            # If it was a request for the last frame, a later one for the same frame has to be answered.
            self._awaited_reply = max(self._awaited_reply, self._reply_count + 1)

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._on_visibility = None

    def _request(self) -> None:
        self._frame_requests += 1
        if self._first_request_s is None:
            self._first_request_s = self._clock.monotonic_s()
        # A dropped request has no reply: counting it would delay every later frame.
        self._request_count += self._request_cursor()

    def _report_waiting(self) -> None:
        self._timer = self._clock.call_later(REQUEST_INTERVAL_S - SHOW_WAITING_AFTER_S, self._repeat_request)
        if self._on_visibility is not None:
            self._on_visibility(FrameVisibility.WAITING)

    def _repeat_request(self) -> None:
        if self._frame_requests >= MAX_REQUESTS:
            self._end(FrameVisibility.UNKNOWN)
            return
        self._request()
        self._timer = self._clock.call_later(REQUEST_INTERVAL_S, self._repeat_request)

    def _end(self, visibility: FrameVisibility) -> None:
        on_visibility = self._on_visibility
        self._stop()
        if on_visibility is not None:
            on_visibility(visibility)
