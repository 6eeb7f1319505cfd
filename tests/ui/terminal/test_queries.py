"""Answers of the terminal count for their own queries only, in any order, and lost ones are recognised."""

import re
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.virtual_clock import VirtualClock
from tui.kit.terminal.output import LOST_AFTER_S, MAX_AWAITED_S, MAX_OPEN, Query, TerminalQueries
from tui.kit.type_ahead import PLACES, TypeAhead
from tui.terminal.encoder import Place

THERE: Place = (2, 19)


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


def test_answer_is_awaited_from_a_terminal_that_answers() -> None:
    asked = Asked()
    assert not asked.queries.is_awaiting()
    asked.queries.ask(Query.VERSION, Query.STATUS)
    assert asked.queries.is_awaiting()
    asked.now_s = LOST_AFTER_S
    assert not asked.queries.is_awaiting()
    asked.queries.record(Query.STATUS)
    assert not asked.queries.is_awaiting(), "the version was asked for first, and is lost"
    asked.queries.ask(Query.STATUS)
    assert asked.queries.is_awaiting()
    asked.now_s += MAX_AWAITED_S
    assert not asked.queries.is_awaiting()


def test_answer_counts_for_the_oldest_of_its_kind() -> None:
    asked = Asked()
    asked.queries.ask(Query.VERSION, Query.STATUS)
    asked.now_s = 1.0
    asked.queries.ask(Query.STATUS)
    assert asked.answers_after(Query.STATUS, 1.0) == 2.0
    assert asked.answers_after(Query.STATUS, 1.0) == 2.0
    assert asked.queries.record(Query.STATUS) is None
    assert asked.queries.record(Query.CURSOR) is None
    assert asked.answers_after(Query.VERSION, 0.5) == 3.5


def test_lost_status_is_recognised_by_a_later_cursor() -> None:
    asked = Asked()
    asked.queries.ask(Query.STATUS)
    asked.queries.ask(Query.CURSOR)
    asked.queries.ask(Query.STATUS)
    assert asked.queries.record(Query.CURSOR) is not None
    asked.now_s = 1.0
    asked.queries.ask(Query.STATUS)
    assert asked.answers_after(Query.STATUS, 1.0) == 2.0


def test_lost_cursor_is_forgotten_after_a_later_status() -> None:
    asked = Asked()
    asked.queries.ask(Query.CURSOR, Query.STATUS)
    asked.queries.record(Query.STATUS)
    asked.now_s = LOST_AFTER_S - 0.1
    asked.queries.ask(Query.STATUS)
    assert [each.kind for each in asked.queries._open] == [Query.CURSOR, Query.STATUS], "it may come out of order"
    asked.now_s = LOST_AFTER_S
    asked.queries.ask(Query.CURSOR, place=THERE)
    assert asked.answers_after(Query.CURSOR, 1.0) is None
    assert asked.answers_after(Query.CURSOR, 1.0, THERE) == 2.0


def test_report_of_another_place_closes_no_query() -> None:
    asked = Asked()
    asked.queries.ask(Query.CURSOR, place=THERE)
    assert asked.queries.record(Query.CURSOR, (9, 9)) == (Query.CURSOR, 0.0, None)
    assert asked.answers_after(Query.CURSOR, 1.0, THERE) == 1.0
    assert asked.queries.record(Query.CURSOR, THERE) is None, "it was answered before"


def test_late_status_by_place_is_no_answer_for_the_guard() -> None:
    """It was given to a query before another program had the terminal."""
    asked = Asked()
    row, column = (int(each) - 1 for each in re.findall(r"\d+", asked.queries.ask_by_place())[:2])
    asked.queries.clear()
    asked.queries.ask(Query.CURSOR, Query.STATUS, place=THERE)
    assert asked.queries.record(Query.CURSOR, (row, column)) is None
    assert asked.answers_after(Query.CURSOR, 1.0, THERE) == 1.0


@pytest.mark.parametrize("size", [(59, 9), (58, 24), (1, 1)])
def test_small_terminal_is_not_asked_by_place(size: tuple[int, int]) -> None:
    """It would answer with the last row or column, and frames would wait for the right answer."""
    asked = Asked()
    asked.queries.resize(*size)
    assert asked.queries.ask_by_place() == Query.STATUS.value
    assert asked.answers_after(Query.STATUS, 1.0) == 1.0
    asked.queries.resize(59, 10)
    assert asked.queries.ask_by_place() == "\x1b[10;20H\x1b[6n"


def test_open_queries_are_bounded() -> None:
    asked = Asked()
    for row in range(3 * MAX_OPEN):
        asked.queries.ask(Query.CURSOR, Query.STATUS, place=(row, 0))
    assert len(asked.queries._open) <= MAX_OPEN + 1
    assert asked.answers_after(Query.CURSOR, 1.0, (3 * MAX_OPEN - 1, 0)) == 1.0


def test_answer_by_place_shows_which_answers_were_lost() -> None:
    asked = Asked()
    asked.queries.ask(Query.STATUS)
    asked.now_s = 2.0
    column = re.fullmatch(r"\x1b\[10;(\d+)H\x1b\[6n", asked.queries.ask_by_place())
    assert column is not None
    place = (9, int(column[1]) - 1)
    assert place not in PLACES
    asked.queries.ask(Query.STATUS)
    asked.now_s = 3.0
    answer = asked.queries.record(Query.CURSOR, place)
    assert answer == (Query.STATUS, 3.0, 2.0)
    assert asked.answers_after(Query.STATUS, 1.0) == 2.0, "the first answer was lost, and counts for no other"


def test_withdrawn_query_gets_no_answer() -> None:
    asked = Asked()
    asked.queries.ask(Query.CURSOR)
    asked.queries.ask(Query.CURSOR, Query.STATUS)
    asked.queries.withdraw(Query.CURSOR, Query.STATUS)
    assert asked.queries.record(Query.STATUS) is None
    assert asked.queries.record(Query.CURSOR) is not None
    assert asked.queries.record(Query.CURSOR) is None


def test_end_waits_for_nothing_from_a_silent_terminal() -> None:
    asked = Asked()
    asked.queries.ask(Query.STATUS)
    asked.now_s = 5.0
    asked.queries.ask(Query.STATUS)
    asked.queries.wait()
    assert asked.queries.record(Query.STATUS) is None


@pytest.mark.parametrize(("round_trip_s", "waited_s"), [(0.1, 1.0), (0.5, 1.5), (2.0, 3.0)])
def test_end_waits_for_a_few_round_trips(round_trip_s: float, waited_s: float) -> None:
    asked = Asked()
    asked.queries.ask(Query.STATUS)
    asked.answers_after(Query.STATUS, round_trip_s)
    asked.queries.ask(Query.STATUS)
    assert asked.queries._deadline_s(asked.now_s) == asked.now_s + waited_s


def test_taken_answers_are_not_awaited() -> None:
    asked = Asked()
    asked.queries.ask(Query.CURSOR)
    asked.queries.clear()
    assert asked.queries.record(Query.CURSOR) is None


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
