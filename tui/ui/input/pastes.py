"""Finds out which keys came with a paste, so that they answer no question and start no action.

The text of a paste may contain the mark that ends it: the rest then arrives as keys. A terminal without bracketed
pastes sends all of it as keys.
"""

import math
from typing import Final

from textual import events

from tui.sources.clock import Clock
from tui.ui.terminal.messages import JoinedKey

AFTER_PASTE_S: Final = 0.5
"""Keys belong to a paste until so long after it."""

REFUSAL: Final = "ignored: it came with a paste, or with many keys at once"


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
