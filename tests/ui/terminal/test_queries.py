"""Answers of the terminal count for their own queries only, in any order, and lost ones are recognised."""

import re
from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st

from tests.support.virtual_clock import VirtualClock
from tui.kit.terminal.output import MAX_OPEN, Query, TerminalQueries
from tui.kit.type_ahead import TypeAhead
from tui.terminal.encoder import Place


@dataclass
class Asked:
    """Queries at a time that the test sets."""

    now_s: float = 0.0
    queries: TerminalQueries = field(init=False)

    def __post_init__(self) -> None:
        self.queries = TerminalQueries(lambda: self.now_s)

    def answers_after(self, kind: Query, seconds: float, place: Place | None = None) -> float | None:
        """Record an answer and return the round trip that it shows."""
        self.now_s += seconds
        answer = self.queries.record(kind, place)
        return None if answer is None or answer.asked_s is None else answer.at_s - answer.asked_s


def test_open_queries_are_bounded() -> None:
    asked = Asked()
    for row in range(3 * MAX_OPEN):
        asked.queries.ask(Query.CURSOR, Query.STATUS, place=(row, 0))
    assert len(asked.queries._open) <= MAX_OPEN + 1
    assert asked.answers_after(Query.CURSOR, 1.0, (3 * MAX_OPEN - 1, 0)) == 1.0


def place_of(text: str) -> Place:
    """Return the place where a text asks for the cursor."""
    row, column = map(int, re.findall(r"\d+", text)[:2])
    return row - 1, column - 1


def test_terminal_that_reports_other_places_is_asked_simply() -> None:
    asked = Asked()
    place = place_of(asked.queries.ask_by_place())
    assert asked.queries.record(Query.CURSOR, (0, 0)) is None
    assert asked.queries.ask_by_place() == Query.STATUS.value
    answer = asked.queries.record(Query.STATUS)
    assert answer is not None
    assert answer.kind is Query.STATUS
    assert asked.queries.ask_by_place() == Query.STATUS.value
    asked.queries.record(Query.CURSOR, place)  # it was only late
    assert asked.queries.ask_by_place() != Query.STATUS.value


gaps_s = st.floats(0.0, 6.0)
steps = st.lists(
    st.tuples(st.sampled_from(["status", "by place", "dialog"]), gaps_s, st.none() | st.floats(0.001, 30.0))
)


@given(steps)
def test_late_and_lost_answers_never_count_for_newer_queries(steps: list[tuple[str, float, float | None]]) -> None:
    """A terminal that answers in order; with None, it does not answer. Dialogs and frames ask it at once."""
    asked, free_s, seen, frame = Asked(), 0.0, list[int](), 0
    asking: list[Place] = []

    def ask(place: Place) -> bool:
        asking.append(place)
        return True

    guard = TypeAhead(VirtualClock(), ask)
    coming: list[tuple[float, Query, float, Place | None, int]] = []
    for what, gap_s, delay_s in [*steps, ("status", 100.0, None)]:
        goes_on_s = asked.now_s + gap_s
        while coming and coming[0][0] <= goes_on_s:
            at_s, kind, asked_s, place, of_frame = coming.pop(0)
            asked.now_s = at_s
            answer = asked.queries.record(kind, place)
            if answer is not None and answer.asked_s is not None:
                assert answer.asked_s <= asked_s
                assert place is None or answer.asked_s == asked_s
            if kind is Query.CURSOR and answer is not None and answer.kind is kind:
                guard.record_reply(place)
                assert frame not in seen or of_frame == frame
        asked.now_s = goes_on_s
        kind, place = Query.CURSOR, None
        if what == "by place" and (text := asked.queries.ask_by_place()) != Query.STATUS.value:
            place = place_of(text)
        elif what == "by place":
            kind = Query.STATUS
        elif what == "status":
            kind = Query.STATUS
            asked.queries.ask(kind)
        else:
            frame += 1
            guard.begin(lambda _, frame=frame: seen.append(frame))  # type: ignore[misc]
            place = asking[-1]
            asked.queries.ask(kind, place=place)
        if delay_s is not None:
            free_s = max(free_s, asked.now_s + delay_s)
            coming.append((free_s, kind, asked.now_s, place, frame))
