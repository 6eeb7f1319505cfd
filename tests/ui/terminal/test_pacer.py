"""Frames go out as often as the link allows: keys at once, data in time, and always after the terminal was behind."""

import math
from dataclasses import dataclass, field
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tui.kit.terminal.link import (
    ECHO_INTERVAL_S,
    FAST_BYTES_S,
    FIRST_ANSWER_S,
    LAYOUT_S,
    LEAST_KEPT_S,
    MAX_BLIND_ECHO_INTERVAL_S,
    MAX_OLD_FRAMES,
    MAX_OVERDUE_INTERVAL_S,
    MIN_SLACK_S,
    MIN_SLOW_S,
    REPEAT_AFTER_S,
    SILENT_AFTER_S,
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


def test_first_two_changes_after_quiet_are_sent_soon() -> None:
    terminal = LinkedTerminal()
    for waited_s in (0.0, ECHO_INTERVAL_S, 0.1, 0.1):
        terminal.run(max(0.0, waited_s - STEP_S))
        assert not waited_s or not terminal.draw()
        terminal.run(STEP_S)
        assert terminal.draw()


@pytest.mark.parametrize(("bytes_s", "round_trip_s"), [(math.inf, 0.0), (math.inf, 0.3), (1e6, 0.1)])
def test_data_comes_ten_times_a_second_on_a_free_link(bytes_s: float, round_trip_s: float) -> None:
    terminal = LinkedTerminal(bytes_s, round_trip_s)
    terminal.run(5.0, draws=True)
    assert 45 <= len(terminal.sent_s) <= 51


@pytest.mark.parametrize(("bytes_s", "round_trip_s"), [(math.inf, 0.5), (1e6, 0.5), (1e5, 0.3)])
def test_typing_is_pipelined_on_a_long_link(bytes_s: float, round_trip_s: float) -> None:
    terminal = LinkedTerminal(bytes_s, round_trip_s)
    terminal.run(3.0, key_every_s=1)  # the throughput is known by now
    terminal.sent_s.clear()
    terminal.run(3.0, key_every_s=1 / 30)
    assert len(terminal.sent_s) >= 80


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


def test_terminal_that_never_answers_gets_ten_frames_a_second() -> None:
    terminal = LinkedTerminal(answers=False)
    terminal.run(FIRST_ANSWER_S, draws=True)
    assert len(terminal.sent_s) >= 2 * FIRST_ANSWER_S - 2
    terminal.sent_s.clear()
    terminal.run(5.0, draws=True)
    assert len(terminal.sent_s) >= 45
    assert terminal.draw(is_key=True)


@pytest.mark.parametrize(("stopped_s", "most"), [(3.0, 9), (30.0, 12), (600.0, 32)])
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


@pytest.mark.parametrize(("round_trip_s", "key_s"), [(0.3, 0.5), (1.0, 0.3), (2.0, 1.0)])
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


@pytest.mark.parametrize("frame_bytes", [1_500, 2_500])
def test_queue_never_grows_while_answers_always_wait(frame_bytes: int) -> None:
    """No answer shows then that the least answer time is still the same."""
    terminal = LinkedTerminal(8_000, 0.3, frame_bytes=frame_bytes)
    longest_s = []
    for _ in range(5):
        queued_s = []
        for _ in range(int(LEAST_KEPT_S)):
            terminal.run(1.0, key_every_s=0.7, draws=True)
            queued_s.append(terminal.arrived_s[-1] - terminal.now_s)
        longest_s.append(max(queued_s))
    assert longest_s[-1] <= longest_s[1] + 0.1


def test_least_answer_time_follows_a_link_that_gets_longer() -> None:
    terminal = LinkedTerminal(1e6, 0.05)
    terminal.run(5.0, draws=True)
    terminal.round_trip_s = 0.5
    terminal.run(LEAST_KEPT_S + 1.0, draws=True)
    terminal.run(MIN_SLOW_S, draws=True)
    assert not terminal.link.is_slow


@pytest.mark.parametrize("is_key", [True, False])
def test_lost_answer_is_asked_for_again(is_key: bool) -> None:
    terminal = LinkedTerminal(round_trip_s=0.1, repeats=True)
    terminal.run(1.0, draws=True)
    terminal.answers = False
    for _ in range(8):
        terminal.draw(is_key=is_key)
        sent = len(terminal.sent_s)
        terminal.run(MIN_SLACK_S + REPEAT_AFTER_S + 2 * terminal.round_trip_s + 2 * STEP_S, draws=True)
        assert len(terminal.sent_s) > sent
    assert not terminal.link.is_slow


def test_echo_is_shown_at_a_terminal_that_stops_answering() -> None:
    terminal = LinkedTerminal()
    terminal.run(1.0, draws=True)
    terminal.answers = False
    terminal.run(SILENT_AFTER_S + 1.0, key_every_s=0.1)
    echoes = [later - at for at, later in pairwise(terminal.sent_s)]
    assert max(echoes) <= MAX_BLIND_ECHO_INTERVAL_S + MIN_SLACK_S + 2 * STEP_S
    terminal.link.record_key(terminal.now_s)
    terminal.run(SILENT_AFTER_S, draws=True)
    sent = len(terminal.sent_s)
    terminal.run(5.0, draws=True)
    assert len(terminal.sent_s) - sent >= 45, "it is not awaited any longer"


def test_silent_terminal_without_keys_gets_a_frame_at_times() -> None:
    terminal = LinkedTerminal()
    terminal.run(1.0, draws=True)
    terminal.answers = False
    terminal.run(600.0, draws=True)
    late = [later - at for at, later in pairwise(terminal.sent_s)]
    assert MAX_OVERDUE_INTERVAL_S - 1.0 <= max(late) <= MAX_OVERDUE_INTERVAL_S + 2 * STEP_S


def test_slow_profile_sends_four_frames_a_second_at_most() -> None:
    terminal = LinkedTerminal()
    terminal.pacer.is_slow_profile = True
    terminal.run(5.0, draws=True, key_every_s=0.04)
    assert all(later - at >= 1.0 for at, later in zip(terminal.sent_s, terminal.sent_s[SLOW_FRAMES:], strict=False))
    assert len(terminal.sent_s) >= 5 * SLOW_FRAMES - 1


def test_slow_profile_keeps_a_frame_for_a_key() -> None:
    terminal = LinkedTerminal()
    terminal.pacer.is_slow_profile = True
    terminal.run(5.0, draws=True)
    assert terminal.draw(is_key=True)


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


def test_slow_link_that_recovers_is_fast_after_a_while() -> None:
    terminal = LinkedTerminal(8_000, 0.1, frame_bytes=2_000)
    terminal.run(3.0, draws=True)
    assert terminal.link.is_slow
    terminal.bytes_s = 1e6
    terminal.run(MIN_SLOW_S / 2, draws=True)
    assert terminal.link.is_slow
    terminal.run(MIN_SLOW_S, draws=True)
    assert not terminal.link.is_slow


def test_slow_link_that_recovers_is_fast_after_some_pages() -> None:
    terminal = LinkedTerminal(8_000, 0.1, frame_bytes=2_000)
    terminal.run(3.0, draws=True)
    terminal.bytes_s = 1e6
    for _ in range(4):
        assert terminal.link.is_slow
        terminal.run(20.0)
        terminal.draw(is_key=True)
    terminal.run(1.0)
    assert not terminal.link.is_slow


def test_one_late_answer_makes_no_link_slow() -> None:
    terminal = LinkedTerminal(frame_bytes=2_000)
    terminal.run(2.0, draws=True)
    terminal.round_trip_s = 3.0
    terminal.run(0.2, draws=True)
    terminal.round_trip_s = 0.0
    terminal.run(5.0, draws=True)
    assert not terminal.link.is_slow


def test_small_frames_are_probed_seldom() -> None:
    link, probes = LinkMeter(), 0
    for number in range(20):
        is_probed = link.wants_probe(60)
        probes += is_probed
        link.record_sent(float(number), 60, is_probed=is_probed)
        if is_probed:
            link.record_answer(number + 0.1, number)
    assert probes == 2
