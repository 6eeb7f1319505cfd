"""The figures over slow links: a far and narrow one, a better one, and the slow-link profile."""

import time
from collections.abc import Callable, Mapping
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from functools import cache
from statistics import median
from typing import Final

from tests.perf.figures.presses import press_each
from tests.perf.figures.programs import DOWN, STILL, Program, bare, on_emulator, peers
from tests.perf.figures.row import Effort, Reading
from tests.perf.figures.screen_changes import Span
from tests.perf.link import Link
from tests.perf.terminal import Terminal

FAR: Final = (0.150, 64_000)
"""Round trip in seconds, and bits a second."""

NEARER: Final = (0.100, 256_000)
SETTLING_S: Final = 5.0
STRIP: Final = -3
"""The first line below the zoomed list: the summary with `--slow` has two lines, then comes the footer."""

QUIT_S: Final = 15.0
HELP: Final = "─ keys"
READING_S: Final = 0.7
"""Between two keys."""

GOALS_S: Final = {"first rows": 2.5, "Down": 0.4, "Esc from help": 0.6, "quit": 0.5}
MAX_AFTER_ROUND_TRIP_S: Final = 0.040
GUTTER_BYTES: Final = {"in view": 60, "scrolling": 460}
"""Or 1.2 x the minimum, where that is more."""


@dataclass(frozen=True, slots=True)
class Journey:
    """What a user waits for, in seconds: the times of the goals' names. Down has one for each key."""

    times_s: Mapping[str, tuple[float, ...]]

    def text_of(self, name: str) -> str:
        """The time, or the median and the longest of several."""
        times_s = self.times_s.get(name, ())
        if len(times_s) > 1:
            return f"p50 {median(times_s):.2f}, max {max(times_s):.2f} s"
        return f"{times_s[0]:.2f} s" if times_s else ""


@cache
def journeys(effort: Effort) -> Mapping[str, Journey]:
    """Use all programs over the far link: the monitor of a fleet with two new runs a second, and others."""
    found = {}
    with on_emulator("--seed", "0", "--rate", "2", "--history", "1000") as monitor:
        for program in (monitor(), bare(), *peers()):
            found[program.name] = _journey(program, effort, is_ours=program.name == "trigger-tui")
    return found


def _journey(program: Program, effort: Effort, *, is_ours: bool) -> Journey:
    times_s: dict[str, tuple[float, ...]] = {}
    with program.running(Link(*FAR)) as terminal:
        times_s["first rows"] = (terminal.wait_for(program.ready) - terminal.began_s,)
        terminal.read_for(SETTLING_S)
        if program.name != "bare":
            times_s["Down"] = tuple(_answer_s(terminal, DOWN, is_ours=is_ours) for _ in range(int(effort.pick(12, 4))))
        if is_ours:
            terminal.send("?")
            terminal.wait_until(lambda: terminal.lines[1].startswith(HELP), "the help")
            terminal.read_for(SETTLING_S)
            sent_s = time.monotonic()
            terminal.send("\x1b")
            shown_s = terminal.wait_until(lambda: not terminal.lines[1].startswith(HELP), "the list")
            times_s["Esc from help"] = (shown_s - sent_s,)
            terminal.read_for(SETTLING_S)
        sent_s = time.monotonic()
        terminal.send("q")
        # Another program may not end: btop sometimes ignores `q` while the link is full.
        with nullcontext() if is_ours else suppress(AssertionError):
            terminal.end(QUIT_S)
            times_s["quit"] = (time.monotonic() - sent_s,)
    return Journey(times_s)


def _answer_s(terminal: Terminal, key: str, *, is_ours: bool) -> float:
    """Return the time until the cursor has moved, or until the first byte of another program."""
    row, since, sent_s = terminal.cursor_row, len(terminal.received), time.monotonic()
    terminal.send(key)
    if is_ours:
        moved_s = terminal.wait_until(lambda: terminal.cursor_row not in {row, None}, "the cursor's move")
    else:
        moved_s = terminal.wait_until(lambda: len(terminal.received) > since, "an answer")
    terminal.read_for(READING_S)
    return moved_s - sent_s


def over_far_link(name: str) -> Callable[[Effort], Reading]:
    """Return the measure of one thing that a user waits for."""

    def measure(effort: Effort) -> Reading:
        others = dict(journeys(effort))
        ours, bare_app = others.pop("trigger-tui"), others.pop("bare")
        is_met = max(ours.times_s[name]) <= GOALS_S[name]
        return Reading(
            ours.text_of(name),
            is_met,
            bare_app.text_of(name),
            {peer: each.text_of(name) for peer, each in others.items()},
        )

    return measure


def scrolled_key(effort: Effort) -> Reading:
    """From a key that scrolls the zoomed list to its last byte, over the better link."""
    with on_emulator(*STILL) as monitor, monitor().ready_on(Link(*NEARER)) as terminal:
        _zoom(terminal)
        _to_the_bottom(terminal)
        presses = press_each(terminal, [DOWN] * int(effort.pick(20, 6)), 0.4)
    longer_ms = median(presses.last_ms) - NEARER[0] * 1000
    measured = f"round trip + {longer_ms:.0f} ms"
    return Reading(measured, longer_ms <= MAX_AFTER_ROUND_TRIP_S * 1000)


def _move(terminal: Terminal) -> Span:
    """Press Down, and return what was received until the list has changed."""
    since, shown = len(terminal.received), _list_of(terminal)
    terminal.send(DOWN)
    terminal.wait_until(lambda: _list_of(terminal) != shown, "the cursor's move")
    return since, len(terminal.received)


def _list_of(terminal: Terminal) -> list[str]:
    return terminal.lines[3:STRIP]


def _zoom(terminal: Terminal) -> None:
    for key in "jz":
        terminal.wait_quiet(1.0)
        terminal.send(key)
    terminal.wait_quiet(1.5)


def _to_the_bottom(terminal: Terminal) -> None:
    """Press Down until the list has scrolled."""
    first = terminal.lines[3][1:]
    while terminal.lines[3][1:] == first:
        _move(terminal)
    terminal.wait_quiet(1.5)
