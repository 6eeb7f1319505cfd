"""The figures of keys in other panes and views than the list: the detail, the next run in zoomed panes, the queues."""

from collections.abc import Callable, Mapping
from functools import cache
from typing import Final

from tests.perf.figures.keys import DETAIL_S, MAX_PAGE_RATIO
from tests.perf.figures.presses import Presses, press_each
from tests.perf.figures.programs import DOWN, PAGE_DOWN, on_emulator
from tests.perf.figures.row import MAX_RATIO, Effort, Reading

WITHOUT_NEW_RUNS: Final = ("--seed", "0", "--start", "2026-11-24T13:49:00Z", "--rate", "0", "--history", "1000")
"""Its clock goes on: these keys take longer than the time after which old data is stale."""

QUEUE_S: Final = 0.8
"""The queue under the cursor is read and drawn within this time. Each second the rule says how old the list is."""

NEXT_RUN: Final = "]"
NEXT_FAILED_RUN: Final = "x"


@cache
def in_panes(effort: Effort) -> Mapping[str, Presses]:
    """Press keys in the panes of failed runs, and in the queues."""
    count = int(effort.pick(8, 4))
    found: dict[str, Presses] = {}
    with on_emulator(*WITHOUT_NEW_RUNS) as monitor, monitor().ready_on() as terminal:

        def go(*keys: str) -> None:
            for key in keys:
                terminal.send(key)
                terminal.read_for(DETAIL_S)

        go("x", "x", "x", "2")
        found["detail"] = press_each(terminal, [DOWN] * 24)
        go("g")
        found["detail page"] = press_each(terminal, [PAGE_DOWN])
        go("3", "z")
        found["attempts"] = press_each(terminal, [NEXT_FAILED_RUN] * count, DETAIL_S)
        go("5")
        found["log"] = press_each(terminal, [NEXT_RUN] * count, DETAIL_S)
        go("z", "1", "Q", "G", "\r", "g")
        found["queues"] = press_each(terminal, [DOWN] * count, QUEUE_S)
    return found


def key_in(pane: str) -> Callable[[Effort], Reading]:
    """Return the measure of the bytes of a key in a pane."""
    most = MAX_PAGE_RATIO if pane.endswith("page") else MAX_RATIO

    def measure(effort: Effort) -> Reading:
        presses = in_panes(effort)[pane]
        measured = f"{presses.counted}, by frames {presses.ratio_of_frames:.2f} x"
        return Reading(measured, presses.ratio <= most)

    return measure
