"""The facts that the store keeps, and which of them are news."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from tui.domain.facts import FactRead, FactSource, FactUnread, Queue, QueuesRead, ScheduleRunsRead
from tui.domain.text import Raw
from tui.store.changes import Topic
from tui.store.store import Store

AT = datetime(2026, 11, 26, 14, 30, tzinfo=UTC)
LATER = AT + timedelta(seconds=20)
QUEUES = QueuesRead(AT, (Queue("task/charge", Raw("charge"), True, 1, 2, 3),))
UNREAD = FactUnread(AT, FactSource.QUEUES, Raw("the server does not answer"), is_refused=False)
RUNS = ScheduleRunsRead(AT, "sched_1", AT, None)


@pytest.mark.parametrize("fact", [QUEUES, UNREAD, RUNS])
def test_fact_that_is_confirmed_changes_only_its_age(fact: FactRead) -> None:
    store = Store()
    assert store.apply(fact).topics == {Topic.WALL_FACTS}
    before, confirmed = store.wall_facts, replace(fact, at=LATER)
    assert store.apply(confirmed).is_empty
    assert before is not None
    assert store.wall_facts is not None
    assert (before.queues, before.unread, before.schedule_runs) != (
        store.wall_facts.queues,
        store.wall_facts.unread,
        store.wall_facts.schedule_runs,
    )


def test_pause_has_a_time_only_if_the_program_saw_it_begin() -> None:
    """No answer of the server has the time of a pause."""

    def read(at_s: float, *, is_paused: bool) -> QueuesRead:
        (queue,) = QUEUES.queues
        return replace(QUEUES, at=AT + timedelta(seconds=at_s), queues=(replace(queue, is_paused=is_paused),))

    def since(*reads: tuple[float, bool]) -> list[float]:
        store = Store()
        for at_s, is_paused in reads:
            store.apply(read(at_s, is_paused=is_paused))
        assert store.wall_facts is not None
        return [(at - AT).total_seconds() for at in store.wall_facts.paused_since.values()]

    assert since((0, True), (20, True)) == []
    assert since((0, False), (20, True), (40, True), (60, True)) == [20]
    assert since((0, False), (3600, True)) == [], "nobody looked for an hour"
    assert since((0, False), (20, True), (40, False)) == []
    assert since((0, False), (20, True), (40, False), (60, True)) == [60]


@pytest.mark.parametrize("fact", [QUEUES, UNREAD, RUNS])
def test_facts_go_on_after_the_servers_clock_was_set_back(fact: FactRead) -> None:
    store = Store()
    store.apply(replace(fact, at=LATER))
    assert store.apply(replace(fact, at=AT)).is_empty, "it came late"
    last = store.wall_facts
    store.apply(replace(fact, at=AT - timedelta(minutes=10)))
    assert store.wall_facts != last
