"""The simulated world: its invariants hold after any actions, however its time advances."""

from collections import Counter
from collections.abc import Callable, Mapping
from functools import partial
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.emulator.pages import walked
from tui.emulator.demo_tasks import COMPANY
from tui.emulator.environment import DEVELOPMENT, PRODUCTION, Environment
from tui.emulator.lists import read_page
from tui.emulator.recorded_tasks import MAX_DURATION_S, RECORDED_LIMITS, RECORDED_TASKS
from tui.emulator.simulation.runs import FILTER_STATUSES, NewRun, Run, Status
from tui.emulator.simulation.script import FailureKind
from tui.emulator.world import DemoTasks, World

START_MS = 1_795_528_000_000
LAG_MS = 1000
REFERENCE_COMPANY = DemoTasks(RECORDED_TASKS, limits=RECORDED_LIMITS)
TASKS = ["hello-world", "fail-retry", "fail-slow-retry", "single-file-job", "pipeline", "pipeline-strict", "leaf"]
TASKS += ["wait-for", "crash-exit", "max-duration", "slow", "progress-counter", "no-such-task"]
PAYLOADS: dict[str, Any] = {"leaf": {"n": 1, "ms": 900, "fail": True}, "pipeline": {"ms": 700}}

Act = Callable[[World], object]


def facts_of(world: World) -> list[tuple[Any, ...]]:
    """All facts of all runs, without objects."""
    return [
        (
            (run.id, run.status, run.listed_status, run.created_ms, run.updated_ms, run.started_ms, run.finished_ms),
            (run.version, run.tags, run.usage_ms, run.metadata, run.failure),
            [(attempt.started_ms, attempt.ended_ms, attempt.retry_at_ms) for attempt in run.attempts],
            [child.id for child in run.children],
        )
        for run in world.ledger
    ]


def _trigger(task: str, delay_ms: int, ttl: str | None) -> Act:
    payload = PAYLOADS.get(task, {"seconds": 7})
    return lambda world: world.trigger(NewRun(task_id=task, payload=payload, delay_ms=delay_ms, ttl=ttl))


def _on_a_run(number: int, name: str) -> Act:
    def act(world: World) -> None:
        runs = list(world.ledger)
        if runs:
            getattr(world, name)(runs[number % len(runs)])

    return act


def _pause(*, is_paused: bool) -> Act:
    return lambda world: world.pause(world.queues.named("single-file"), is_paused=is_paused)


def _pass(ms: int) -> Act:
    return lambda world: world.advance(world.now_ms + ms)


acts = st.lists(
    st.one_of(
        st.builds(
            _trigger, st.sampled_from(TASKS), st.sampled_from([0, 0, 0, 4000]), st.sampled_from([None, None, "3s"])
        ),
        st.builds(_on_a_run, st.integers(0, 40), st.sampled_from(["cancel", "cancel", "replay"])),
        st.builds(_pause, is_paused=st.booleans()),
        st.builds(_pass, st.integers(1, 9000)),
    ),
    min_size=1,
    max_size=25,
)


def check(world: World) -> None:
    """The invariants of a world."""
    holders = Counter(run.queue for run in world.ledger if run.has_slot)
    for queue in world.queues.all():
        assert queue.running == holders[queue.name]
        assert queue.limit is None or queue.running <= queue.limit
        assert all(run.number == number and not run.has_slot for number, run in queue.waiting.items())
        assert {run.status for run in queue.waiting.values()} <= {Status.QUEUED, Status.WAITING}
        backing_off = {run.number for run in world.ledger if run.queue == queue.name and is_backing_off(run)}
        assert set(queue.backing_off) == backing_off - set(queue.waiting)
    for run in world.ledger:
        check_run(run, world)


def is_backing_off(run: Run) -> bool:
    """Whether the run waits in its queue for its next attempt. The backoff may be over."""
    return run.status is Status.QUEUED and bool(run.attempts) and not run.has_slot


def check_run(run: Run, world: World) -> None:
    moments = [run.created_ms, run.queued_ms, run.started_ms, *(attempt.started_ms for attempt in run.attempts)]
    known = [moment for moment in moments if moment is not None]
    assert known == sorted(known)
    assert run.updated_ms <= world.now_ms
    assert [attempt.number for attempt in run.attempts] == list(range(1, len(run.attempts) + 1))
    assert all(child.parent is run and child.depth == run.depth + 1 for child in run.children)
    assert all(child.root is (run.root or run) for child in run.children)
    if run.status.is_final:
        assert not run.has_slot
        assert (run.failure is None) == (run.status is Status.COMPLETED)
        assert run.finished_ms is not None or run.label is FailureKind.CANCELED
    else:
        assert run.finished_ms is None
        assert run.failure is None
    if run.label is FailureKind.TIMEOUT:
        assert run.updated_ms - known[-1] >= MAX_DURATION_S * 1000
    if run.label is FailureKind.CANCELED:
        assert all(child.status.is_final for child in run.children)


@given(acts, st.sampled_from([DEVELOPMENT, PRODUCTION]))
@settings(max_examples=25, deadline=None)
def test_invariants_hold_after_any_actions(done: list[Act], environment: Environment) -> None:
    world = World(REFERENCE_COMPANY, start_ms=START_MS, environment=environment)
    for act in done:
        act(world)
        check(world)
    world.pause(world.queues.named("single-file"), is_paused=False)
    world.advance(world.now_ms + 3_600_000)
    check(world)
    assert all(run.status.is_final or run.status is Status.PENDING_VERSION for run in world.ledger)
    assert all(run.listed_status is run.status for run in world.ledger)
    for status in Status:
        assert list(world.ledger.with_status(status)) == [r.number for r in world.ledger if r.listed_status is status]


@given(acts, st.integers(2, 5000), st.integers(0, 50))
@settings(max_examples=6, deadline=None)
def test_number_of_advances_makes_no_difference(done: list[Act], step_ms: int, seed: int) -> None:
    company = DemoTasks((*COMPANY.tasks, *RECORDED_TASKS), bugs=COMPANY.bugs, pausable=COMPANY.pausable)
    one, many, other = (World(company, start_ms=START_MS, rate_per_s=3, seed=each) for each in (seed, seed, seed + 1))
    for act in done:
        for world in (one, many, other):
            act(world)
    until_ms = one.now_ms + 20_000
    one.advance(until_ms)
    other.advance(until_ms)
    for ms in (*range(many.now_ms, until_ms, step_ms), until_ms):
        many.advance(ms)
    assert facts_of(one) == facts_of(many) != facts_of(other)


@pytest.mark.parametrize(
    ("environment", "rate_per_s", "history"),
    [(DEVELOPMENT, 2.0, 1), (PRODUCTION, 8.0, 150), (DEVELOPMENT, 0.0, 40)],
)
def test_world_starts_with_exactly_the_history(environment: Environment, rate_per_s: float, history: int) -> None:
    world = World(COMPANY, start_ms=START_MS, environment=environment, rate_per_s=rate_per_s, history=history, seed=3)
    assert world.now_ms == START_MS
    assert sum(run.status.is_final for run in world.ledger) == history
    assert len(world.ledger.visible()) == len(world.ledger)
    check(world)


def test_world_keeps_its_rate_whatever_the_api_triggers() -> None:
    world = World(COMPANY, start_ms=START_MS, rate_per_s=10, history=50, seed=2)
    before = {run.number for run in world.ledger}
    for second in range(0, 90, 10):
        for _ in range(25):
            world.trigger(NewRun(task_id="heartbeat", tags=("ours",)))
        world.advance(START_MS + (second + 10) * 1000)
    created = sum(run.number not in before and "ours" not in run.tags for run in world.ledger)
    assert 0.7 * 10 * 90 <= created <= 1.3 * 10 * 90


def test_oldest_families_are_dropped_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tui.emulator.world.MIN_KEPT", 150)
    monkeypatch.setattr("tui.emulator.world.DROP_STEP", 20)
    monkeypatch.setattr("tui.emulator.world.TRIM_MS", 500)
    world = World(COMPANY, start_ms=START_MS, rate_per_s=10, history=50, seed=2)
    world.ledger.follow()
    for second in range(1, 51):
        world.advance(START_MS + second * 1000)
    live = sum(not run.status.is_final for run in world.ledger)
    a_second = 10
    assert len(world.ledger.dropped) > 150
    assert len(world.ledger) <= 170 + a_second + live
    check(world)
    for run in world.ledger:
        assert run.parent is None or run.parent.number in world.ledger.by_number
        assert world.find(run.id) is run


# --- pages of the list


def lively() -> World:
    """About two hundred runs in all states. Lists do not know the newest, and of others not that they were canceled."""
    world = World(REFERENCE_COMPANY, start_ms=START_MS)
    random = Random(7)
    for _ in range(80):
        run, _ = world.trigger(
            NewRun(
                task_id=random.choice(TASKS),
                payload={"seconds": 9},
                tags=tuple(random.sample(("a", "b", "c d", "日本"), random.randrange(3))),
                is_test=random.random() < 0.1,
                delay_ms=random.choice((0, 0, 0, 3_600_000)),
                machine=random.choice(("", "", "large-2x")),
            )
        )
        if random.random() < 0.1:
            world.cancel(run)
        world.advance(world.now_ms + random.choice((0, 0, 50, 700, 4000)))
    world.advance(world.now_ms + 2 * LAG_MS)
    world.trigger(NewRun(task_id="hello-world"))
    for run in [run for run in world.ledger if run.status is Status.EXECUTING][::2]:
        world.cancel(run)
    return world


LIVELY = lively()
"""No test changes it."""

RUNS = [run for run in LIVELY.ledger if run.listed_status is not None][::-1]
STATUSES = ("COMPLETED", "FAILED", "EXECUTING", "QUEUED", "DELAYED", "CANCELED", "FROZEN", "REATTEMPTING")
moments = st.sampled_from(RUNS).map(lambda run: str(run.created_ms))
query_values = {
    "filter[status]": st.lists(st.sampled_from(STATUSES), min_size=1, max_size=3, unique=True).map(",".join),
    "filter[taskIdentifier]": st.lists(st.sampled_from(TASKS), min_size=1, max_size=3).map(",".join),
    "filter[tag]": st.lists(st.sampled_from(("a", "b", "c d", "日本")), min_size=1, max_size=3).map(",".join),
    "filter[queue]": st.sampled_from(("single-file", "task/hello-world,task/leaf")),
    "filter[machine]": st.sampled_from(("small-1x", "large-1x,large-2x")),
    "filter[isTest]": st.sampled_from(("true", "false")),
    "filter[createdAt][from]": moments,
    "filter[createdAt][to]": moments,
}


def passes(run: Run, query: Mapping[str, str]) -> bool:
    """A slow and simple implementation of the filters."""

    def among(name: str, value: str) -> bool:
        return f"filter[{name}]" not in query or value in query[f"filter[{name}]"].split(",")

    words = [w for name in query.get("filter[status]", "").split(",") if name for w in FILTER_STATUSES[name]]
    tags = query.get("filter[tag]")
    return (
        ("filter[status]" not in query or {run.status, run.listed_status} <= set(words))
        and among("taskIdentifier", run.task_id)
        and among("queue", run.queue)
        and among("machine", run.machine)
        and among("isTest", str(run.is_test).lower())
        and (tags is None or not set(tags.split(",")).isdisjoint(run.tags))
        and run.created_ms >= int(query.get("filter[createdAt][from]", 0))
        and run.created_ms <= int(query.get("filter[createdAt][to]", LIVELY.now_ms))
    )


@given(st.fixed_dictionaries({}, optional=query_values), st.integers(1, 30))
@settings(deadline=None)
def test_pages_of_any_filters_contain_all_matches(query: dict[str, str], size: int) -> None:
    expected, query = [run for run in RUNS if passes(run, query)], {**query, "page[size]": str(size)}
    forward, back = walked(partial(read_page, LIVELY), query)
    assert forward == expected
    assert sorted(back, key=lambda run: -run.number) == expected
