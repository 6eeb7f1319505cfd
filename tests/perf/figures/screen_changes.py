"""What a terminal received: its frames, the least bytes for the same changes, and the lines that the bytes were for."""

import re
from collections.abc import Iterable, Iterator
from typing import Final

from tests.perf.paint_cost import paint_cost
from tests.perf.screen import Emulator, Screen
from tests.perf.terminal import Terminal

GAP_S: Final = 0.02
"""Bytes further apart than this belong to different frames."""

Span = tuple[int, int]
"""A piece of what was received: the bytes before it, and those until its end."""

_SEQUENCE: Final = re.compile(rb"\x1b\[[<=>?]?[\d:;]*[ -/]*[@-~]|\x1b.|[^\x1b]+", re.DOTALL)


def minimums(terminal: Terminal, spans: Iterable[Span], first_line: int = 0) -> list[int]:
    """Return the least bytes for what each span changed from `first_line` on. Spans are in order."""
    emulator, read, costs = _emulator(terminal), 0, []
    for start, end in spans:
        emulator.feed(bytes(terminal.received[read:start]))
        before = emulator.screen.snapshot()
        emulator.feed(bytes(terminal.received[start:end]))
        after = emulator.screen.snapshot()
        costs.append(paint_cost(before, [*before[:first_line], *after[first_line:]]))
        read = end
    return costs


def frames(terminal: Terminal, since: int) -> Iterator[Span]:
    """Yield the spans of what was received after the first `since` bytes, split where nothing came for a while."""
    start, end, last_s = since, since, 0.0
    for moment_s, total in terminal.arrivals:
        if total <= since:
            continue
        if end > start and moment_s - last_s > GAP_S:
            yield start, end
            start = end
        end, last_s = total, moment_s
    if end > start:
        yield start, end


def first_paint_s(terminal: Terminal) -> float:
    """Return the seconds from the start of the program to the first character that is not blank."""
    emulator, read = _emulator(terminal), 0
    for moment_s, total in terminal.arrivals:
        emulator.feed(bytes(terminal.received[read:total]))
        if any(line.strip() for line in emulator.screen.rows_text()):
            return moment_s - terminal.began_s
        read = total
    raise AssertionError("nothing was painted")


def _emulator(terminal: Terminal) -> Emulator:
    return Emulator(Screen(terminal.screen.columns, terminal.screen.lines))
