"""Answers of the terminal count for their own queries only, in any order, and lost ones are recognised."""

from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.virtual_clock import VirtualClock
from tui.ui.input.type_ahead import FrameVisibility, TypeAhead
from tui.ui.terminal.queries import LOST_AFTER_S, UNSURE_S, Query, TerminalQueries

TINY_S = 1e-6


@dataclass
class Asked:
    """Queries at a time that the test sets."""

    now_s: float = 0.0
    lost_count: int = 0
    on_lost: Callable[[], None] = lambda: None
    queries: TerminalQueries = field(init=False)

    def __post_init__(self) -> None:
        self.queries = TerminalQueries(self._count_lost, lambda: self.now_s)

    def _count_lost(self) -> None:
        self.lost_count += 1
        self.on_lost()

    def answers_after(self, kind: Query, seconds: float) -> float | None:
        """Record an answer and return the round trip that it shows."""
        self.now_s += seconds
        answer = self.queries.record(kind)
        return None if answer is None else answer.round_trip_s


def test_answer_counts_for_the_oldest_of_its_kind() -> None:
    asked = Asked()
    asked.queries.ask(Query.SYNC_MODE, Query.VERSION, Query.STATUS)
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


def test_lost_cursor_is_reported_after_a_later_status() -> None:
    asked = Asked()
    asked.queries.ask(Query.CURSOR, Query.STATUS)
    asked.queries.record(Query.STATUS)
    asked.now_s = LOST_AFTER_S - 0.1
    asked.queries.ask(Query.STATUS)
    assert asked.lost_count == 0, "it may still come where a terminal answers out of order"
    asked.now_s = LOST_AFTER_S
    asked.queries.ask(Query.CURSOR)
    assert asked.lost_count == 1
    assert asked.answers_after(Query.CURSOR, 1.0) == 1.0


def test_answer_to_a_repeated_status_is_not_measured() -> None:
    asked = Asked()
    asked.queries.ask(Query.STATUS)
    asked.now_s = 2.0
    asked.queries.repeat_status()
    assert asked.answers_after(Query.STATUS, 0.1) is None
    asked.queries.ask(Query.STATUS)
    assert asked.answers_after(Query.STATUS, 0.0) is None, "it may be the late answer to the repetition"
    asked.now_s += UNSURE_S
    asked.queries.ask(Query.STATUS)
    assert asked.answers_after(Query.STATUS, 0.1) == pytest.approx(0.1)


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


def test_taken_answers_are_reported_as_lost() -> None:
    asked = Asked()
    asked.queries.ask(Query.CURSOR)
    asked.queries.clear()
    assert asked.lost_count == 1
    assert asked.queries.record(Query.CURSOR) is None


gaps_s = st.floats(0.0, 6.0)
steps = st.lists(st.tuples(st.sampled_from(["status", "repeat", "dialog"]), gaps_s, st.none() | st.floats(0.001, 30.0)))


@given(steps)
def test_late_and_lost_answers_never_count_for_newer_queries(steps: list[tuple[str, float, float | None]]) -> None:
    """A terminal that answers in order; with None, it does not answer. Dialogs and frames ask it at once."""
    asked, clock, free_s, awaited = Asked(), VirtualClock(), 0.0, 0
    guard = TypeAhead(clock, lambda: True)
    asked.on_lost = guard.record_lost_reply
    coming: list[tuple[float, Query, float, int]] = []
    for what, gap_s, delay_s in [*steps, ("status", 100.0, None)]:
        goes_on_s = asked.now_s + gap_s
        while coming and coming[0][0] <= goes_on_s:
            at_s, kind, asked_s, number = coming.pop(0)
            asked.now_s = at_s
            answer = asked.queries.record(kind)
            if answer is not None and answer.round_trip_s is not None and at_s - asked_s < UNSURE_S:
                assert answer.round_trip_s >= at_s - asked_s - TINY_S
            seen: list[FrameVisibility] = []
            if kind is Query.CURSOR and answer is not None:
                guard._on_visibility = seen.append
                guard.record_reply()
                assert number >= awaited or not seen
        asked.now_s = goes_on_s
        kind = Query.CURSOR if what == "dialog" else Query.STATUS
        if what == "repeat":
            asked.queries.repeat_status()
        else:
            asked.queries.ask(kind)
        if what == "dialog":
            awaited += 1
            guard.begin(lambda _: None)
        if delay_s is not None:
            free_s = max(free_s, asked.now_s + delay_s)
            coming.append((free_s, kind, asked.now_s, awaited))
