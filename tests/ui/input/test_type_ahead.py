"""Keys typed before a frame was visible are recognised, for any timing of the terminal's replies."""

import asyncio
import sys
from dataclasses import dataclass
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from tests.perf.terminal import CURSOR_QUERY, STATUS_QUERY, Terminal
from tests.support.commands import environment
from tests.support.virtual_clock import VirtualClock
from tui.ui.input.type_ahead import REQUEST_INTERVAL_S, SILENT_AFTER_S, FrameVisibility, TypeAhead

TINY_S = 1e-6
"""The tolerance for sums of seconds."""


@dataclass
class SlowTerminal:
    """A terminal that replies in order, `delays_s` after each request. None: the reply is lost."""

    clock: VirtualClock
    delays_s: list[float | None]

    def __post_init__(self) -> None:
        self.guard = TypeAhead(self.clock, self._ask)
        self.questions = 0
        self.newest = 0
        self._free_s = 0.0

    def _ask(self) -> bool:
        self.questions += 1
        number, delay_s = self.questions, self.delays_s[self.questions % len(self.delays_s)]
        if delay_s is not None:
            now_s = self.clock.monotonic_s()
            self._free_s = max(self._free_s, now_s + delay_s)
            self.clock.call_later(self._free_s - now_s, lambda: self._answer(number))
        return True

    def _answer(self, number: int) -> None:
        self.newest = number
        self.guard.record_reply()


@given(
    delays_s=st.lists(st.none() | st.floats(0.01, 30), min_size=1, max_size=8),
    gaps_s=st.lists(st.floats(0.0, 15), min_size=1, max_size=12),
)
def test_only_a_reply_to_its_own_request_shows_a_frame(delays_s: list[float | None], gaps_s: list[float]) -> None:
    asyncio.run(_check_every_frame(delays_s, gaps_s))


async def _check_every_frame(delays_s: list[float | None], gaps_s: list[float]) -> None:
    clock = VirtualClock()
    slow = SlowTerminal(clock, delays_s)
    for gap_s in gaps_s:
        first, began_s, was_silent = slow.questions + 1, clock.monotonic_s(), slow.guard.is_silent
        seen: list[tuple[FrameVisibility, int, float]] = []
        slow.guard.begin(lambda sight, seen=seen: seen.append((sight, slow.newest, clock.monotonic_s())))  # type: ignore[misc]
        await clock.run(gap_s)
        ends = [each for each in seen if each[0] is not FrameVisibility.WAITING]
        assert len(ends) <= 1
        assert ends or gap_s <= SILENT_AFTER_S + TINY_S, "an action is never out of reach"
        for sight, newest, at_s in ends:
            if sight is FrameVisibility.SEEN:
                assert newest >= first
            else:
                assert was_silent or at_s - began_s >= SILENT_AFTER_S - TINY_S


def test_unrequested_reply_is_ignored() -> None:
    clock = VirtualClock()
    guard = TypeAhead(clock, lambda: True)
    seen: list[FrameVisibility] = []
    guard.record_reply()
    guard.record_reply()
    guard.begin(seen.append)
    assert seen == []
    guard.record_reply()
    assert seen == [FrameVisibility.SEEN]


def test_dropped_request_delays_no_later_frame() -> None:
    async def story() -> None:
        clock = VirtualClock()
        is_behind = True
        guard = TypeAhead(clock, lambda: not is_behind)
        seen: list[FrameVisibility] = []
        guard.begin(seen.append)
        await clock.run(SILENT_AFTER_S + 1)
        assert seen == [FrameVisibility.WAITING, FrameVisibility.UNKNOWN]
        is_behind = False
        guard.begin(seen.append)
        guard.record_reply()
        guard.begin(seen.append)
        guard.record_reply()
        assert seen[-1] is FrameVisibility.SEEN

    asyncio.run(story())


def test_slow_terminal_confirms_nothing_too_early(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tui", "demo", "--history", "40", "--rate", "0"]
    env = environment(None, XDG_STATE_HOME=str(tmp_path))
    with Terminal(command, env=env, holds_cursor=True) as terminal:
        terminal.wait_for("Completed", "DEV")
        terminal.send("jRy")
        terminal.wait_for("Do nothing", "waiting for the terminal")
        terminal.send("yq")
        terminal.wait_until(lambda: terminal.cursor_questions >= 2, "the question again after two seconds")
        assert "Do nothing" in terminal.text
        terminal.answer_cursor()
        terminal.wait_for("y  replay 1 run")
        assert "replayed as" not in terminal.text
        terminal.send("y")
        terminal.wait_for("replayed as")


def test_key_typed_during_a_slow_frame_confirms_nothing(tmp_path: Path) -> None:
    """The terminal is behind, and its answers are due for a frame of the list and for the dialog."""
    command = [sys.executable, "-m", "tui", "demo", "--history", "40", "--rate", "0"]
    with Terminal(command, env=environment(None, XDG_STATE_HOME=str(tmp_path))) as terminal:
        terminal.wait_for("Completed", "DEV")
        terminal.holds_answers = True
        terminal.send("j")
        terminal.wait_until(lambda: STATUS_QUERY in terminal.held, "a query behind the frame of a key")
        terminal.send("Ry")
        terminal.wait_until(lambda: CURSOR_QUERY in terminal.held, "the dialog, although the terminal is behind")
        assert "Do nothing" in terminal.text
        terminal.send("y")
        while terminal.held[0] == STATUS_QUERY:
            terminal.give_answer()
            terminal.send("y")
        terminal.holds_answers = False
        while terminal.held:
            terminal.give_answer()
        terminal.wait_for("y  replay 1 run")
        assert "replayed as" not in terminal.text
        terminal.send("y")
        terminal.wait_for("replayed as")


def test_lost_reply_delays_no_later_frame() -> None:
    clock, seen = VirtualClock(), list[FrameVisibility]()
    guard = TypeAhead(clock, lambda: True)
    guard.begin(lambda _: None)
    guard.begin(seen.append)
    guard.record_lost_reply()
    assert seen == []
    guard.record_reply()
    assert seen == [FrameVisibility.SEEN]


def test_frame_whose_reply_is_lost_waits_for_the_next_request() -> None:
    clock, seen = VirtualClock(), list[FrameVisibility]()
    guard = TypeAhead(clock, lambda: True)
    guard.begin(seen.append)
    guard.record_lost_reply()
    guard.record_reply()
    assert seen == []
    asyncio.run(clock.run(REQUEST_INTERVAL_S))
    guard.record_reply()
    assert seen == [FrameVisibility.WAITING, FrameVisibility.SEEN]
