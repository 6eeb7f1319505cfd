"""The simulated world: its invariants hold after any actions, however its time advances."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tui.emulator.demo_tasks import COMPANY
from tui.emulator.environment import DEVELOPMENT, PRODUCTION, Environment
from tui.emulator.recorded_tasks import RECORDED_LIMITS, RECORDED_TASKS
from tui.emulator.simulation.runs import NewRun, Run, Status, duration_ms
from tui.emulator.simulation.script import Backoff, Failure, FailureKind, Script, Task, Wait, Work
from tui.emulator.world import DemoTasks, World

START_MS = 1_795_528_000_000
LAG_MS = 1000
REFERENCE_COMPANY = DemoTasks(RECORDED_TASKS, limits=RECORDED_LIMITS)


def facts_of(world: World) -> list[tuple[Any, ...]]:
    """All facts of all runs, without objects."""
    return [
        (
            run.id,
            run.status,
            run.listed_status,
            run.created_ms,
            run.updated_ms,
            run.started_ms,
            run.finished_ms,
            run.version,
            run.tags,
            run.usage_ms,
            run.metadata,
            run.failure,
            [(attempt.started_ms, attempt.ended_ms, attempt.retry_at_ms) for attempt in run.attempts],
            [child.id for child in run.children],
        )
        for run in world.ledger
    ]


Act = Callable[[World], None]


def _trigger(task: str, delay_ms: int, ttl: str | None) -> Act:
    payloads: dict[str, Any] = {"leaf": {"n": 1, "ms": 900, "fail": True}, "pipeline": {"ms": 700}}

    def act(world: World) -> None:
        world.trigger(NewRun(task_id=task, payload=payloads.get(task, {"seconds": 7}), delay_ms=delay_ms, ttl=ttl))

    return act


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


TASKS = ["hello-world", "fail-retry", "fail-slow-retry", "single-file-job", "pipeline", "pipeline-strict", "leaf"]
TASKS += ["wait-for", "crash-exit", "max-duration", "slow", "progress-counter", "no-such-task"]
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
    if run.label is FailureKind.CANCELED:
        assert all(child.status.is_final for child in run.children)


@given(acts, st.sampled_from([DEVELOPMENT, PRODUCTION]))
@settings(max_examples=60, deadline=None)
def test_invariants_hold_after_any_actions(done: list[Act], environment: Environment) -> None:
    world = World(REFERENCE_COMPANY, start_ms=START_MS, environment=environment)
    for act in done:
        act(world)
        check(world)
    world.pause(world.queues.named("single-file"), is_paused=False)
    world.advance(world.now_ms + 3_600_000)
    check(world)
    assert {run.status for run in world.ledger} <= {
        *(status for status in Status if status.is_final),
        Status.PENDING_VERSION,
    }
    assert all(run.listed_status is run.status for run in world.ledger)
    for status in Status:
        assert list(world.ledger.with_status(status)) == [r.number for r in world.ledger if r.listed_status is status]


@given(acts, st.integers(2, 5000))
@settings(max_examples=25, deadline=None)
def test_number_of_advances_makes_no_difference(done: list[Act], step_ms: int) -> None:
    worlds = [World(REFERENCE_COMPANY, start_ms=START_MS), World(REFERENCE_COMPANY, start_ms=START_MS)]
    for act in done:
        for world in worlds:
            act(world)
    until_ms = max(world.now_ms for world in worlds) + 20_000
    worlds[0].advance(until_ms)
    for ms in range(worlds[1].now_ms, until_ms, step_ms):
        worlds[1].advance(ms)
    worlds[1].advance(until_ms)
    assert facts_of(worlds[0]) == facts_of(worlds[1])


@pytest.mark.parametrize("environment", [DEVELOPMENT, PRODUCTION])
@pytest.mark.parametrize(("rate_per_s", "history"), [(2.0, 1), (20.0, 277), (0.5, 50), (5.0, 700), (0.0, 40)])
def test_world_starts_with_exactly_the_history(environment: Environment, rate_per_s: float, history: int) -> None:
    world = World(COMPANY, start_ms=START_MS, environment=environment, rate_per_s=rate_per_s, history=history, seed=3)
    assert world.now_ms == START_MS
    assert sum(run.status.is_final for run in world.ledger) == history
    assert len(world.ledger.visible()) == len(world.ledger)
    check(world)


def test_seed_determines_the_world() -> None:
    def made(seed: int) -> list[tuple[Any, ...]]:
        world = World(COMPANY, start_ms=START_MS, rate_per_s=5, history=200, seed=seed)
        world.advance(START_MS + 30_000)
        return facts_of(world)

    seven = made(7)
    assert made(7) == seven
    assert made(8) != seven


def test_lists_know_a_change_within_a_second() -> None:
    world = World(REFERENCE_COMPANY, start_ms=START_MS)
    run, _ = world.trigger(NewRun(task_id="hello-world", payload={"name": "Ada"}))
    assert run.number not in world.ledger.visible()
    world.advance(START_MS + 299)
    assert run.number not in world.ledger.visible()
    world.advance(START_MS + LAG_MS)
    assert run.number in world.ledger.visible()


def test_world_keeps_its_rate() -> None:
    world = World(COMPANY, start_ms=START_MS, rate_per_s=20, history=100, seed=2)
    before = {run.number for run in world.ledger}
    world.advance(START_MS + 120_000)
    created = sum(run.number not in before for run in world.ledger)
    assert 0.7 * 20 * 120 <= created <= 1.3 * 20 * 120


def test_oldest_families_are_dropped_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tui.emulator.world.MIN_KEPT", 300)
    monkeypatch.setattr("tui.emulator.world.DROP_STEP", 20)
    monkeypatch.setattr("tui.emulator.world.TRIM_MS", 500)
    world = World(COMPANY, start_ms=START_MS, rate_per_s=20, history=100, seed=2)
    world.ledger.follow()
    for second in range(1, 51):
        world.advance(START_MS + second * 1000)
    live = sum(not run.status.is_final for run in world.ledger)
    a_second = 20
    assert len(world.ledger.dropped) > 300
    assert len(world.ledger) <= 320 + a_second + live
    check(world)
    for run in world.ledger:
        assert run.parent is None or run.parent.number in world.ledger.by_number
        assert world.find(run.id) is run
    kept = set(world.ledger.by_number)
    assert set(world.ledger.visible()) & kept <= kept
    assert max(len(world.ledger.with_status(status)) for status in Status) <= len(kept)


def test_dropped_runs_depend_only_on_the_worlds_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tui.emulator.world.MIN_KEPT", 150)
    monkeypatch.setattr("tui.emulator.world.DROP_STEP", 10)
    worlds = [World(COMPANY, start_ms=START_MS, rate_per_s=10, history=50, seed=2) for _ in range(2)]
    for world in worlds:
        world.ledger.follow()
    worlds[0].advance(START_MS + 65_000)
    for ms in range(0, 65_001, 130):
        worlds[1].advance(START_MS + ms)
    assert len(worlds[0].ledger.dropped) > 200
    assert worlds[0].ledger.dropped == worlds[1].ledger.dropped
    assert facts_of(worlds[0]) == facts_of(worlds[1])


def _always(script: Script) -> Task:
    return Task("job", lambda _: script, "src/job.ts", queue="narrow", max_attempts=1)


def test_limited_queue_keeps_its_limit_and_order() -> None:
    world = World(DemoTasks([_always(Script((Work(1000),)))], limits={"narrow": 2}), start_ms=START_MS)
    runs = [world.trigger(NewRun(task_id="job"))[0] for _ in range(6)]
    for ms in range(0, 6000, 50):
        world.advance(START_MS + ms)
        assert sum(run.has_slot for run in runs) <= 2
    world.advance(START_MS + 20_000)
    starts = [run.started_ms or 0 for run in runs]
    # Two runs that are dequeued together may start in any order.
    assert all(later >= earlier for earlier, later in zip(starts, starts[2:], strict=False))
    assert all(run.status is Status.COMPLETED for run in runs)


def test_paused_queue_keeps_its_runs() -> None:
    world = World(DemoTasks([_always(Script((Work(10),)))]), start_ms=START_MS)
    world.pause(world.queues.named("narrow"), is_paused=True)
    world.trigger(NewRun(task_id="job"))
    world.advance(START_MS + 60_000)
    assert [run.status for run in world.ledger] == [Status.QUEUED]
    world.pause(world.queues.named("narrow"), is_paused=False)
    world.advance(START_MS + 70_000)
    assert [run.status for run in world.ledger] == [Status.COMPLETED]


def test_canceled_run_leaves_its_queue_in_every_state() -> None:
    failing = Script(throws=Failure(FailureKind.ERROR, "no"))
    retried = Task("retried", lambda _: failing, "src/job.ts", queue="narrow", backoff=Backoff(40_000, max_ms=40_000))
    world = World(DemoTasks([retried, _always(Script((Work(60_000),)))], limits={"narrow": 1}), start_ms=START_MS)
    first, _ = world.trigger(NewRun(task_id="retried"))
    world.advance(START_MS + 2_000)
    world.trigger(NewRun(task_id="job"))
    world.advance(START_MS + 55_000)
    queue = world.queues.named("narrow")
    assert (first.status, len(first.attempts), list(queue.waiting.values())) == (Status.QUEUED, 1, [first])
    world.cancel(first)
    assert not queue.waiting
    world.advance(START_MS + 80_000)
    handed_out, _ = world.trigger(NewRun(task_id="job"))
    assert (handed_out.status, handed_out.has_slot, queue.running) == (Status.QUEUED, True, 1)
    world.cancel(handed_out)
    assert queue.running == 0
    world.advance(START_MS + 90_000)
    assert (handed_out.status, handed_out.attempts, queue.running) == (Status.CANCELED, (), 0)
    check(world)


def test_suspended_run_resumes_before_queued_ones() -> None:
    waiting = Task("waits", lambda _: Script((Wait(6_000), Work(1_000))), "src/job.ts", queue="narrow")
    company = DemoTasks([waiting, _always(Script((Work(20_000),)))], limits={"narrow": 1})
    world = World(company, start_ms=START_MS, environment=PRODUCTION)
    suspended, _ = world.trigger(NewRun(task_id="waits"))
    world.advance(START_MS + 2_000)
    assert suspended.status is Status.WAITING
    busy, _ = world.trigger(NewRun(task_id="job"))
    later, _ = world.trigger(NewRun(task_id="job"))
    queue = world.queues.named("narrow")
    world.pause(queue, is_paused=True)
    world.advance(START_MS + 40_000)
    assert busy.status is Status.COMPLETED
    assert list(queue.waiting.values()) == [suspended, later]
    assert suspended.attempts[0].blocks[0].ended_ms is None
    world.pause(queue, is_paused=False)
    world.advance(START_MS + 40_500)
    assert (suspended.status, later.status, queue.running) == (Status.EXECUTING, Status.QUEUED, 1)
    world.advance(START_MS + 90_000)
    assert (suspended.status, later.status) == (Status.COMPLETED, Status.COMPLETED)
    # The run cost nothing while it was suspended.
    assert suspended.usage_ms == 1_000
    check(world)


def test_pending_version_runs_start_with_a_deployment() -> None:
    world = World(DemoTasks([_always(Script((Work(10),)))]), start_ms=START_MS)
    world.lifecycle.deploy("", {})
    runs = [world.trigger(NewRun(task_id=task))[0] for task in ("job", "job", "no-such-task")]
    world.advance(START_MS + 5_000)
    assert [run.status for run in runs] == [Status.PENDING_VERSION] * 3
    world.cancel(runs[1])
    world.lifecycle.deploy("20261124.2", {})
    world.advance(START_MS + 10_000)
    assert [run.status for run in runs] == [Status.COMPLETED, Status.CANCELED, Status.PENDING_VERSION]
    assert runs[0].version == "20261124.2"
    check(world)


def test_rate_of_0_creates_no_runs() -> None:
    world = World(COMPANY, start_ms=START_MS, rate_per_s=0, history=200)
    numbers, version = list(world.ledger.by_number), world.lifecycle.version
    for hours in range(1, 49):
        world.advance(START_MS + hours * 3_600_000)
        assert not any(queue.is_paused for queue in world.queues.all())
    assert list(world.ledger.by_number) == numbers
    assert world.lifecycle.version == version
    assert world.lifecycle.bugs == {}


def test_external_triggers_do_not_slow_the_company() -> None:
    world = World(COMPANY, start_ms=START_MS, rate_per_s=10, history=250, seed=2)
    for second in range(60):
        for _ in range(50):
            world.trigger(NewRun(task_id="heartbeat"))
        world.advance(START_MS + second * 1000)
    before = world.lifecycle.created_count
    world.advance(START_MS + 180_000)
    assert 0.7 * 10 * 120 <= world.lifecycle.created_count - before <= 1.3 * 10 * 120


def test_queue_paused_by_the_api_stays_paused() -> None:
    world = World(COMPANY, start_ms=START_MS, rate_per_s=0.1, seed=2)
    reports, email = world.queues.named("reports"), world.queues.named("email")
    world.pause(reports, is_paused=True)
    seen = set()
    for minute in range(1, 600):
        world.advance(START_MS + minute * 60_000)
        assert reports.is_paused
        seen.add(email.is_paused)
    assert seen == {True, False}


def test_idempotency_keys_of_arrivals_are_unique(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tui.emulator.simulation.arrivals.KEY_NUMBERS", (0, 3))
    world = World(COMPANY, start_ms=START_MS, rate_per_s=20, history=1_000, seed=1)
    keys = [(run.task_id, run.idempotency_key) for run in world.ledger if run.idempotency_key]
    assert keys
    assert len(set(keys)) == len(keys)
    assert {(run.task_id, run.idempotency_key) for run in world.ledger.by_idempotency.values()} == set(keys)


def test_limits_grow_with_the_rate_except_1() -> None:
    def limits(rate_per_s: float) -> list[int | None]:
        company = DemoTasks(COMPANY.tasks, limits={"email": 20, "single-file": 1})
        world = World(company, start_ms=START_MS, rate_per_s=rate_per_s)
        return [world.queues.named(name).limit for name in ("email", "single-file", "task/heartbeat")]

    assert limits(0) == limits(20) == [20, 1, None]
    assert limits(100) == [100, 1, None]


def test_same_idempotency_key_finds_the_same_run() -> None:
    world = World(REFERENCE_COMPANY, start_ms=START_MS)
    new = NewRun(task_id="hello-world", payload={"name": "Ada"}, idempotency_key="order-1")
    first, is_cached = world.trigger(new)
    assert not is_cached
    assert world.trigger(new) == (first, True)


@given(st.integers(1, 20))
def test_backoff_grows_to_its_maximum(failed: int) -> None:
    backoff = Backoff(first_ms=1000, factor=2, max_ms=30_000)
    assert backoff.delay_ms(1) == 1000
    assert backoff.delay_ms(failed) <= backoff.delay_ms(failed + 1) <= 30_000


@pytest.mark.parametrize(
    ("text", "ms"),
    [
        ("10m", 600_000),
        ("5s", 5000),
        ("1h30m", 5_400_000),
        ("2d", 172_800_000),
        *((text, None) for text in ("", "m", "10", "1x", "-5s", "²s", "1.5h")),
    ],
)
def test_durations_are_parsed(text: str, ms: int | None) -> None:
    assert duration_ms(text) == ms
