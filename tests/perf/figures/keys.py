"""The figures of keys: bytes, latency, with full and gutter cursor, and the same in other programs."""

from collections.abc import Callable, Mapping
from functools import cache
from statistics import median
from typing import Final

from tests.perf.figures.presses import Presses, percentile, press_each
from tests.perf.figures.programs import BARE_TABLE, DOWN, PAGE_DOWN, STILL, UP, bare, on_emulator, peers
from tests.perf.figures.row import MAX_RATIO, Effort, Reading
from tests.perf.terminal import Terminal

DETAIL_S: Final = 0.9
"""The detail of a run that rests under the cursor is read and drawn within this time, after many keys too."""

MAIN_LINES: Final = 16
"""The lines of the list on the main screen."""

ZOOMED_LINES: Final = 33
MAX_PAGE_RATIO: Final = 1.1
MAX_FIRST_MS: Final = 5.0
MAX_LATE_MS: Final = 10.0


@cache
def on_main(effort: Effort) -> Mapping[str, Presses]:
    """Press Down on the main screen, where the detail follows the cursor."""
    count = int(effort.pick(MAIN_LINES - 2, 6))
    with on_emulator(*STILL) as monitor, monitor().ready_on() as terminal:
        _select(terminal)
        in_view = press_each(terminal, [DOWN] * count, DETAIL_S)
        press_each(terminal, [DOWN] * (MAIN_LINES - count), DETAIL_S)
        return {"in view": in_view, "scrolling": press_each(terminal, [DOWN] * count, DETAIL_S)}


@cache
def on_zoomed(effort: Effort) -> Mapping[str, Presses]:
    """Press Down and PageDown in the zoomed list."""
    count = int(effort.pick(ZOOMED_LINES - 3, 10))
    with on_emulator(*STILL) as monitor, monitor().ready_on() as terminal:
        _select(terminal)
        terminal.send("z")
        terminal.wait_quiet(DETAIL_S)
        in_view = press_each(terminal, [DOWN] * count)
        press_each(terminal, [DOWN] * (ZOOMED_LINES - count + 4))
        scrolling = press_each(terminal, [DOWN] * count)
        return {"in view": in_view, "scrolling": scrolling, "page": press_each(terminal, [PAGE_DOWN] * 8, DETAIL_S)}


@cache
def elsewhere(effort: Effort) -> Mapping[str, Presses]:
    """Press Down in a bare table of Textual, and in other programs."""
    found = {}
    for program in (bare(BARE_TABLE), *peers()):
        with program.ready_on() as terminal:
            terminal.read_for(1.0)
            found[program.name] = press_each(terminal, [DOWN, UP] * int(effort.pick(15, 5)))
    return found


def _select(terminal: Terminal) -> None:
    terminal.wait_quiet(DETAIL_S)
    terminal.send("j")
    terminal.wait_quiet(DETAIL_S)


def down_zoomed(where: str) -> Callable[[Effort], Reading]:
    """Return the measure of the bytes of Down in the zoomed list."""

    def measure(effort: Effort) -> Reading:
        presses = on_zoomed(effort)[where]
        others = {name: f"{median(each.bytes):,.0f} B" for name, each in elsewhere(effort).items()}
        table = others.pop("bare", "")
        return Reading(presses.counted, presses.ratio <= MAX_RATIO, table, others if where == "in view" else {})

    return measure


def down_on_main(where: str) -> Callable[[Effort], Reading]:
    """Return the measure of the bytes of Down on the main screen."""

    def measure(effort: Effort) -> Reading:
        presses = on_main(effort)[where]
        measured = f"{presses.counted}, by frames {presses.ratio_of_frames:.2f} x"
        return Reading(measured, presses.ratio <= MAX_RATIO)

    return measure


def page_down(effort: Effort) -> Reading:
    presses = on_zoomed(effort)["page"]
    return Reading(presses.counted, presses.ratio <= MAX_PAGE_RATIO)


def first_byte(effort: Effort) -> Reading:
    """From a key to its first byte, over all keys in the zoomed list of 1,000 runs."""
    presses = on_zoomed(effort)
    first_ms = [*presses["in view"].first_ms, *presses["scrolling"].first_ms]
    middle, late = percentile(first_ms, 0.5), percentile(first_ms, 0.95)
    others = {name: each.latency for name, each in elsewhere(effort).items()}
    is_met = middle <= MAX_FIRST_MS and late <= MAX_LATE_MS
    return Reading(f"p50 {middle:.1f}, p95 {late:.1f} ms", is_met, others.pop("bare", ""), others)
