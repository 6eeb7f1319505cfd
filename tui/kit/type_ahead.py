"""Tells keys that were typed before a dialog was visible, or that came with a paste, from answers."""

import math
import os
from collections.abc import Callable
from enum import Enum, auto
from functools import partial
from itertools import cycle, islice, product
from typing import Final

from textual import events

from tui.kit.terminal.input import JoinedKey
from tui.sync.clock import NO_TIMER, Clock, Timer
from tui.terminal.cells import MAX_REQUESTS, REQUEST_INTERVAL_S
from tui.terminal.encoder import Place

# Finds out whether a key was typed before or after a dialog was visible.
#
# After drawing the dialog, the program moves the cursor to a place of its own for each request, and requests the
# cursor's position from the terminal. The reply comes in the same stream as the keys, after every key that was typed
# before the terminal drew the dialog, and names the place: it cannot be the late reply to another request, or to
# another program.
#
# The dialog ignores keys until `REACTION_S` after the reply, because the user needs longer to read it and answer. A
# slow link needs no longer wait: it delays the key as much as the reply.
#
# A multiplexer such as tmux or screen replies instead of the terminal around it, once it has drawn the dialog itself:
# in one, a reply does not show that the user sees the dialog.


PLACES: Final[tuple[Place, ...]] = tuple((row, column) for column, row in product(range(19, 59), range(2, 9)))
"""Where the cursor is asked for, one after the other. All are within the smallest screen on which a dialog is answered.

None is in the first row, whose reports have the bytes of F3 with modifiers, or in the second one, where vim asks.
"""

REACTION_S: Final = 0.2
"""How long after the reply the dialog ignores keys.

Reading a dialog and answering it takes longer. A key within this time is one that the user was already typing: fast
typists press a key every 60 to 200 ms.
"""

SHOW_WAITING_AFTER_S: Final = 0.5
"""A dialog shows that it is waiting only after this delay, since most terminals reply at once."""


SILENT_AFTER_S: Final = MAX_REQUESTS * REQUEST_INTERVAL_S
"""A terminal that has not replied after this long is taken to never reply."""


class FrameVisibility(Enum):
    """Whether the last frame of a dialog is visible."""

    WAITING = auto()
    """The terminal has not replied yet."""
    SEEN = auto()
    """Keys that come from now on were typed after the user could see the frame."""
    UNKNOWN = auto()
    """The terminal does not reply, so that a key may have been typed before the frame was drawn."""


class TypeAhead:
    """Matches the terminal's replies to dialog frames. All dialogs of a terminal share one.

    A reply counts for a frame if it names the place of a request for that frame. A terminal may report other places
    than it was asked for, and where none can be asked for, replies name none: these are counted against all requests so
    far, since terminals reply in order. Another place has to be reported twice, as one such reply may be another
    program's. Once a right place was reported, others do not count any more.
    """

    def __init__(self, clock: Clock, request_cursor: Callable[[Place], bool]) -> None:
        """`request_cursor` moves the cursor and sends a request. It returns False if the request was dropped."""
        self._clock = clock
        self._request_cursor = request_cursor
        # Another instance may have asked the same terminal just before this one.
        self._places = islice(cycle(PLACES), int.from_bytes(os.urandom(2)) % len(PLACES), None)
        self._frame = self._frame_requests = 0
        self._frames_by_place: dict[Place, int] = {}
        self._open = self._awaited = 0
        """Open requests, and those up to the first one for the frame. Replies without a place count off both.
        """
        self._has_reply = self._is_exact = False
        self._first_request_s: float | None = None
        self._timer: Timer = NO_TIMER
        self._on_visibility: Callable[[FrameVisibility], None] | None = None
        """None once the terminal shows the frame, which is reported after the time of a reaction."""

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
        self._frame += 1
        self._frame_requests = 1
        self._awaited = self._open + 1
        self._request()  # even from a silent terminal: it may only have been slow
        if is_silent:
            on_visibility(FrameVisibility.UNKNOWN)
            return lambda: None
        self._on_visibility = on_visibility
        self._timer = self._clock.call_later(SHOW_WAITING_AFTER_S, self._report_waiting)
        frame = self._frame
        return lambda: self._stop() if self._frame == frame else None

    def record_reply(self, place: Place | None = None) -> None:
        """Record a reply of the terminal. Call it in order with the keys. `place` is None if none was asked for."""
        frame = None if place is None else self._frames_by_place.pop(place, None)
        if frame is not None:
            self._has_reply = self._is_exact = True
            if frame == self._frame:
                self._see()
        elif not self._is_exact:
            self._record_vague_reply(is_unsure=place is not None)

    def _record_vague_reply(self, *, is_unsure: bool) -> None:
        if not self._open:
            return  # shift-F3 sends the same bytes
        self._open -= 1
        self._awaited -= 1
        self._has_reply = True
        if self._on_visibility is None:
            return
        if self._awaited + is_unsure <= 0:
            self._see()
        elif not self._open:
            self._request()  # once at most: the reply to it counts

    def _stop(self) -> None:
        self._timer.cancel()
        self._on_visibility = None

    def _request(self) -> None:
        if self._first_request_s is None:
            self._first_request_s = self._clock.monotonic_s()
        place = next(self._places)
        # A dropped request has no reply: counting it would delay every later frame.
        if self._request_cursor(place):
            self._open += 1
            self._frames_by_place[place] = self._frame

    def _report_waiting(self) -> None:
        self._timer = self._clock.call_later(REQUEST_INTERVAL_S - SHOW_WAITING_AFTER_S, self._repeat_request)
        if self._on_visibility is not None:
            self._on_visibility(FrameVisibility.WAITING)

    def _repeat_request(self) -> None:
        if self._frame_requests >= MAX_REQUESTS:
            report, self._on_visibility = self._on_visibility, None
            if report is not None:
                report(FrameVisibility.UNKNOWN)
            return
        self._frame_requests += 1
        self._request()
        self._timer = self._clock.call_later(REQUEST_INTERVAL_S, self._repeat_request)

    def _see(self) -> None:
        """Report the frame as seen after the time of a reaction. More replies for the same frame change nothing."""
        report, self._on_visibility = self._on_visibility, None
        if report is not None:
            self._timer.cancel()
            self._timer = self._clock.call_later(REACTION_S, partial(report, FrameVisibility.SEEN))


# Finds out which keys came with a paste, so that they answer no question and start no action.
#
# The text of a paste may contain the mark that ends it: the rest then arrives as keys. A terminal without bracketed
# pastes sends all of it as keys.


AFTER_PASTE_S: Final = 0.5
"""Keys that arrive within this time after a paste belong to it."""

REFUSAL: Final = "key ignored: it came with a paste, or with many keys at once"


class Pastes:
    """Follows the keys and pastes of one terminal, in the order in which the app handles them."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._until_s = -math.inf
        self.is_pasted = False
        """Whether the key that is handled now may be a part of a paste."""
        self.is_joined = False
        """Whether it came together with others, or with a paste. ctrl-q counts if it did not: it must always work."""
        self.may_answer = True
        """Whether it may answer a question: it came alone. A user answers by one key."""

    @property
    def is_pasting(self) -> bool:
        """Whether a paste has just come."""
        return self._clock.monotonic_s() < self._until_s

    def record_paste(self) -> None:
        """Record a paste when it begins to be handled, and when it is handled."""
        self._until_s = self._clock.monotonic_s() + AFTER_PASTE_S

    def record_key(self, event: events.Key, *, is_behind: bool) -> None:
        """Record a key that is handled next. `is_behind`: more keys wait already."""
        self.is_joined = isinstance(event, JoinedKey)
        is_late = self.is_pasting
        self.is_pasted = is_late or (isinstance(event, JoinedKey) and event.is_burst)
        self.may_answer = not is_late and not self.is_joined
        if self.is_pasted and (self.is_joined or is_behind):
            self.record_paste()
