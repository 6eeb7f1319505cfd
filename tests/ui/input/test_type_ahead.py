"""Keys typed before a frame was visible are recognised, for any timing of the terminal's replies."""

import asyncio
import sys
from dataclasses import dataclass, field
from pathlib import Path
from types import EllipsisType

from hypothesis import given
from hypothesis import strategies as st

from tests.perf.terminal import Terminal
from tests.support.commands import environment
from tests.support.virtual_clock import VirtualClock
from tui.kit.layout import MIN_HEIGHT, MIN_WIDTH
from tui.kit.type_ahead import PLACES, REACTION_S, SILENT_AFTER_S, FrameVisibility, TypeAhead
from tui.terminal.encoder import Place

TINY_S = 1e-6
"""The tolerance for sums of seconds."""


ACTING_KEY = "y  replay 1 run"

ELSEWHERE: Place = (23, 79)
"""Where no dialog asks for the cursor."""


@dataclass
class SlowTerminal:
    """A terminal that replies in order, `delays_s` after each request. None: the reply is lost.

    `reported` is the place in all its replies: None without any, and by default the right one.
    """

    clock: VirtualClock
    delays_s: list[float | None]
    reported: Place | EllipsisType | None = ...

    def __post_init__(self) -> None:
        self.guard = TypeAhead(self.clock, self._ask)
        self.questions = 0
        self.newest = 0
        self._free_s = 0.0

    def _ask(self, place: Place) -> bool:
        self.questions += 1
        number, delay_s = self.questions, self.delays_s[self.questions % len(self.delays_s)]
        if delay_s is not None:
            now_s = self.clock.monotonic_s()
            self._free_s = max(self._free_s, now_s + delay_s)
            reported = place if isinstance(self.reported, EllipsisType) else self.reported
            self.clock.call_later(self._free_s - now_s, lambda: self._answer(number, reported))
        return True

    def _answer(self, number: int, reported: Place | None) -> None:
        self.newest = number
        self.guard.record_reply(reported)


@given(
    delays_s=st.lists(st.none() | st.floats(0.01, 30), min_size=1, max_size=8),
    gaps_s=st.lists(st.floats(0.0, 15), min_size=1, max_size=12),
    reported=st.sampled_from([..., None, ELSEWHERE]),
)
def test_only_a_reply_to_its_own_request_shows_a_frame(
    delays_s: list[float | None], gaps_s: list[float], reported: Place | EllipsisType | None
) -> None:
    asyncio.run(_check_every_frame(delays_s, gaps_s, reported))


async def _check_every_frame(
    delays_s: list[float | None], gaps_s: list[float], reported: Place | EllipsisType | None
) -> None:
    clock = VirtualClock()
    slow = SlowTerminal(clock, delays_s, reported)
    for gap_s in gaps_s:
        first, began_s, was_silent = slow.questions + 1, clock.monotonic_s(), slow.guard.is_silent
        seen: list[tuple[FrameVisibility, int, float]] = []
        slow.guard.begin(lambda sight, seen=seen: seen.append((sight, slow.newest, clock.monotonic_s())))  # type: ignore[misc]
        await clock.run(gap_s)
        ends = [each for each in seen if each[0] is not FrameVisibility.WAITING]
        assert len(ends) <= 1
        assert ends or gap_s <= SILENT_AFTER_S + REACTION_S + TINY_S, "an action is never out of reach"
        for sight, newest, at_s in ends:
            if sight is FrameVisibility.SEEN:
                assert newest >= first
            else:
                assert was_silent or at_s - began_s >= SILENT_AFTER_S - TINY_S


@dataclass
class Guarded:
    """A guard whose requests and frames are counted. Replies come as the test wants them."""

    places: list[Place] = field(default_factory=list)
    seen: list[FrameVisibility] = field(default_factory=list)
    clock: VirtualClock = field(default_factory=VirtualClock)

    def __post_init__(self) -> None:
        self.guard = TypeAhead(self.clock, self._ask)

    def _ask(self, place: Place) -> bool:
        self.places.append(place)
        return True

    def draw_frame(self) -> Place:
        """Draw a dialog, and return the place where the cursor is asked for."""
        self.seen.clear()
        self.guard.begin(self.seen.append)
        return self.places[-1]

    def is_seen_after(self, seconds: float = REACTION_S) -> bool:
        asyncio.run(self.clock.run(seconds))
        return FrameVisibility.SEEN in self.seen


@given(st.lists(st.sampled_from(["dialog", "late", "again", "stray"]), max_size=40))
def test_no_order_of_replies_shows_a_frame_too_early(happenings: list[str]) -> None:
    """The terminal replies twice, in any order, late, and to other programs. It has replied rightly before."""
    guarded = Guarded()
    guarded.guard.record_reply(guarded.draw_frame())
    older, newest = [*guarded.places], guarded.draw_frame()
    for happening in happenings:
        match happening:
            case "dialog":
                assert not guarded.is_seen_after()
                older.append(newest)
                newest = guarded.draw_frame()
            case "late":
                guarded.guard.record_reply(older[-1])
            case "again":
                guarded.guard.record_reply(older[0])
            case _:
                guarded.guard.record_reply(ELSEWHERE)
    assert not guarded.is_seen_after()
    assert guarded.places == [*older, newest], "strays make no request"
    guarded.guard.record_reply(newest)
    assert guarded.is_seen_after()


def test_places_are_on_the_smallest_screen_and_no_key() -> None:
    assert len(set(PLACES)) == len(PLACES)
    assert all(row < MIN_HEIGHT and 0 < column < MIN_WIDTH and row > 0 for row, column in PLACES)


def takes_y(terminal: Terminal) -> bool:
    """Return whether a dialog shows that `y` counts now."""
    row, line = next((each for each in enumerate(terminal.lines) if ACTING_KEY in each[1]), (0, ""))
    return bool(line) and terminal.screen.buffer[row][line.index(ACTING_KEY)].bold


def test_key_typed_during_a_slow_frame_confirms_nothing(tmp_path: Path) -> None:
    """The terminal is behind, and its answers are due for a frame of the list and for the dialog."""
    command = [sys.executable, "-m", "tui", "demo", "--history", "40", "--rate", "0"]
    with Terminal(command, env=environment(None, XDG_STATE_HOME=str(tmp_path))) as terminal:
        terminal.wait_for("Completed", "DEV")
        terminal.holds_answers = True
        terminal.send("j")
        terminal.wait_until(lambda: bool(terminal.held), "a query behind the frame of a key")
        terminal.send("Ry")
        # A late status is asked for by a place of the cursor too: on a busy machine, before there is a dialog.
        terminal.wait_until(
            lambda: any(place in PLACES for place in terminal.held) and "Go back" in terminal.text,
            "the dialog, although the terminal is behind",
        )
        terminal.send("y")
        while terminal.held[0] not in PLACES:
            terminal.give_answer()
            terminal.send("y")
        terminal.holds_answers = False
        while terminal.held:
            terminal.give_answer()
        terminal.wait_until(lambda: takes_y(terminal), "a dialog that takes y")
        assert "replayed as" not in terminal.text
        terminal.send("y")
        terminal.wait_for("replayed as")
