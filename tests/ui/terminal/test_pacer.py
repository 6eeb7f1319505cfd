"""Frames go out as often as the link allows: keys at once, data in time, and always after the terminal was behind."""

import math
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tui.kit.terminal.link import (
    FAST_BYTES_S,
    LAYOUT_S,
    MAX_OLD_FRAMES,
    SLOW_BYTES_S,
    SLOW_FRAMES,
    FramePacer,
    LinkMeter,
)

STEP_S = 0.005
TINY_S = 1e-6
"""A query is sent before the frame of the same moment."""

FRAME_BYTES = 700


@dataclass
class LinkedTerminal:
    """A terminal behind a link of a throughput and a round trip, and a program that draws all the time."""

    bytes_s: float = math.inf
    round_trip_s: float = 0.0
    answers: bool = True
    repeats: bool = False
    """Whether it is asked again where an answer is overdue, and answers that."""
    frame_bytes: int = FRAME_BYTES
    now_s: float = 100.0
    stopped_until_s: float = 0.0
    pacer: FramePacer = field(default_factory=FramePacer)
    link: LinkMeter = field(default_factory=LinkMeter)
    sent_s: list[float] = field(default_factory=list)
    arrived_s: list[float] = field(default_factory=list)
    _answers: list[tuple[float, float]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._send(60, is_probed=True)
        self.run(1.0)
        self.sent_s.clear()
        self.arrived_s.clear()

    @property
    def unarrived(self) -> int:
        """Frames that have not arrived."""
        return sum(at_s > self.now_s for at_s in self.arrived_s)

    def draw(self, *, is_key: bool = False) -> bool:
        """Draw a change, or the echo of a key, and send it if it is time. Return whether it was sent."""
        if is_key:
            self.pacer.record_key(self.now_s)
        self.pacer.record_drawn(self.now_s)
        if self.pacer.wait_s(self.now_s, self.link) > 0:
            return False
        self._send(self.frame_bytes, is_probed=self.link.wants_probe(self.frame_bytes))
        self.pacer.record_sent(self.now_s)
        return True

    def run(self, seconds: float, *, key_every_s: float = math.inf, draws: bool = False) -> None:
        """Let time pass. Data may be drawn at any moment."""
        key_s, ends_s = self.now_s + key_every_s, self.now_s + seconds
        while self.now_s < ends_s:
            self.now_s += STEP_S
            while self._answers and self._answers[0][0] <= self.now_s:
                self.link.record_answer(*self._answers.pop(0))
            if self.link.repeat_wait_s(self.now_s) <= 0 and self.link.record_repeat(self.now_s) and self.repeats:
                self._answer_after(self._free_s(), before_s=TINY_S)
            if self.now_s >= key_s:
                self.draw(is_key=True)
                key_s += key_every_s
            elif draws or self.pacer._is_urgent:
                self.draw()

    def _send(self, size_bytes: int, *, is_probed: bool) -> None:
        if self.link.wants_least(self.now_s):
            self.link.record_least_asked(self.now_s)
            if self.answers:
                self._answer_after(self._free_s())
        self.arrived_s.append(self._free_s() + size_bytes / self.bytes_s + self.round_trip_s / 2)
        self.sent_s.append(self.now_s)
        self.link.record_sent(self.now_s, size_bytes, is_probed=is_probed)
        if is_probed and self.answers:
            self._answer_after(self.arrived_s[-1] - self.round_trip_s / 2)

    def _free_s(self) -> float:
        """When the link has carried all that was sent."""
        sent_s = self.arrived_s[-1] - self.round_trip_s / 2 if self.arrived_s else 0.0
        return max(sent_s, self.now_s, self.stopped_until_s)

    def _answer_after(self, sent_s: float, before_s: float = 0.0) -> None:
        self._answers.append((sent_s + self.round_trip_s, self.now_s - before_s))


@settings(max_examples=30)
@given(st.floats(4_000, 1e6), st.floats(0.0, 0.4), st.floats(0.03, 1.0), st.booleans())
def test_key_waits_behind_few_old_frames(bytes_s: float, round_trip_s: float, key_s: float, draws: bool) -> None:
    terminal = LinkedTerminal(bytes_s, round_trip_s)
    terminal.run(8.0, draws=draws, key_every_s=key_s)  # the throughput is known by now
    for _ in range(20):
        terminal.run(0.2, draws=draws, key_every_s=key_s)
        queued_s = max(0.0, terminal.arrived_s[-1] - terminal.round_trip_s / 2 - terminal.now_s)
        # Its own frame and an old one; the estimate may be wrong by what is taken for jitter.
        assert queued_s <= 1.1 * (MAX_OLD_FRAMES + 1) * FRAME_BYTES / bytes_s + 0.2 * round_trip_s + 0.05


@pytest.mark.parametrize(("stopped_s", "most"), [(3.0, 9), (30.0, 12)])
def test_few_frames_queue_at_a_terminal_that_stopped(stopped_s: float, most: int) -> None:
    """Once it goes on, it gets the newest state, and its link is not taken for a slow one."""
    terminal = LinkedTerminal(round_trip_s=0.02, frame_bytes=1_000, repeats=True)
    terminal.run(3.0, draws=True)
    terminal.stopped_until_s = terminal.now_s + stopped_s
    sent = len(terminal.sent_s)
    terminal.run(stopped_s, draws=True)
    assert len(terminal.sent_s) - sent <= most
    sent = len(terminal.sent_s)
    terminal.run(0.1, draws=True)
    assert len(terminal.sent_s) > sent
    terminal.run(5.0, draws=True)
    assert len(terminal.sent_s) - sent >= 40
    assert not terminal.link.is_slow


@pytest.mark.parametrize(("round_trip_s", "key_s"), [(0.3, 0.5), (2.0, 1.0)])
@pytest.mark.parametrize("fast_s", [0.0, 15.0])
def test_link_of_8_kbit_s_gets_no_queue(round_trip_s: float, key_s: float, fast_s: float) -> None:
    """Keys come all the time, also before anything is known about the link, or on one that became so slow."""
    terminal = LinkedTerminal(1e6 if fast_s else 1_000, round_trip_s, repeats=True)
    terminal.run(fast_s, key_every_s=key_s, draws=True)
    terminal.bytes_s = 1_000
    terminal.run(40.0, key_every_s=key_s, draws=True)
    assert terminal.link.is_slow
    terminal.pacer.is_slow_profile = True
    for _ in range(50):
        terminal.run(0.2, key_every_s=key_s, draws=True)
        assert terminal.unarrived <= MAX_OLD_FRAMES + 2 + round_trip_s * SLOW_FRAMES


def test_slow_profile_sends_four_frames_a_second_at_most() -> None:
    terminal = LinkedTerminal()
    terminal.pacer.is_slow_profile = True
    terminal.run(5.0, draws=True, key_every_s=0.04)
    assert all(later - at >= 1.0 for at, later in zip(terminal.sent_s, terminal.sent_s[SLOW_FRAMES:], strict=False))
    assert len(terminal.sent_s) >= 5 * SLOW_FRAMES - 1


@pytest.mark.parametrize("is_slow", [True, False])
def test_frame_waits_for_the_content_of_a_layout(is_slow: bool) -> None:
    terminal = LinkedTerminal()
    terminal.pacer.is_slow_profile = is_slow
    terminal.pacer.record_layout(terminal.now_s)
    assert not terminal.draw(is_key=True)
    terminal.run(2 * LAYOUT_S)
    assert len(terminal.sent_s) == 1
    terminal.pacer.record_layout(terminal.now_s)
    assert not terminal.draw(is_key=True)
    terminal.pacer.record_settled()
    assert terminal.draw(is_key=True)


@pytest.mark.parametrize("round_trip_s", [0.0, 0.15, 0.3])
@pytest.mark.parametrize(("bytes_s", "is_slow"), [(SLOW_BYTES_S * 0.7, True), (FAST_BYTES_S, False)])
def test_slow_link_is_measured_by_its_answers(bytes_s: float, round_trip_s: float, is_slow: bool) -> None:
    terminal = LinkedTerminal(bytes_s, round_trip_s, frame_bytes=4_000)
    terminal.run(6.0, draws=True)
    assert terminal.link.is_slow is is_slow
