"""The stories: one thing goes wrong, at its time, and nothing else."""

from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache

import pytest

from tui.emulator.demo_world import WorldOptions
from tui.emulator.environment import DEVELOPMENT, PRODUCTION, Environment
from tui.emulator.simulation.names import digest
from tui.emulator.simulation.runs import Run, Status
from tui.emulator.stories import (
    CHARGE_BUG,
    DAY_MS,
    EMAIL,
    HOUR_MS,
    IMPORT_MS,
    MIN_OVERDUE_MS,
    MINUTE_MS,
    MISSED_MS,
    OVERDUE_P95S,
    PAYMENT,
    QUEUE_WAIT_MS,
    TALES,
    TASKS,
    TOKEN_WAIT_MS,
    tell,
)
from tui.emulator.world import World
from tui.program.main import STORIES

START_MS = 1_795_528_000_000 + 17_123
SEEDS = 20
RATE_PER_S = 5.0
EVENTFUL = tuple(name for name in STORIES if name != "calm")
FAILURES = {Status.FAILED, Status.CRASHED, Status.TIMED_OUT, Status.SYSTEM_FAILURE, Status.EXPIRED, Status.CANCELED}


def make(name: str, seed: int = 0, environment: Environment = DEVELOPMENT, history: int = 200) -> World:
    company, story = tell(name, digest(seed, environment.slug), START_MS, RATE_PER_S)
    return World(
        company,
        start_ms=START_MS,
        environment=environment,
        seed=seed,
        rate_per_s=RATE_PER_S,
        history=history,
        story=story,
    )


@cache
def after_a_while(name: str, slug: str = "dev") -> World:
    """A world of the story, two minutes after its start."""
    world = make(name, environment=DEVELOPMENT if slug == "dev" else PRODUCTION)
    world.advance(START_MS + 120_000)
    return world


def event_of(world: World) -> int:
    assert world.story.event_ms is not None
    return world.story.event_ms


def touched(world: World) -> list[Run]:
    return [run for run in world.ledger if world.label(run) == world.story.name]


def untouched(world: World) -> Iterator[Run]:
    return (run for run in world.ledger if world.label(run) != world.story.name)


def waits_ms(run: Run, now_ms: int) -> int:
    """How long a run waited in its queue."""
    end_ms = run.started_ms or run.finished_ms or now_ms
    return 0 if run.queued_ms is None else end_ms - max(run.queued_ms, run.due_ms or 0)


def test_command_offers_exactly_the_stories() -> None:
    assert tuple(TALES) == STORIES


def test_same_seed_and_start_tell_the_same_story() -> None:
    def facts(world: World) -> list[tuple[object, ...]]:
        world.advance(START_MS + 30_000)
        return [(run.id, run.status, run.created_ms, run.updated_ms, run.version) for run in world.ledger]

    for name in ("queue-at-limit", "missed-schedule"):
        assert facts(make(name, 3, history=60)) == facts(make(name, 3, history=60)), name
    assert facts(make("calm", 3, history=60)) != facts(make("calm", 4, history=60))


def test_event_comes_5_to_15_s_after_the_start() -> None:
    for name in EVENTFUL:
        events = set()
        for seed in range(SEEDS):
            start_ms = START_MS + seed * 41_500
            event_ms = tell(name, seed, start_ms, RATE_PER_S)[1].event_ms
            assert event_ms is not None, name
            assert 5_000 <= event_ms - start_ms <= 15_000, (name, seed)
            events.add(event_ms - start_ms)
        assert len(events) > SEEDS // 2, name
    assert tell("calm", 0, START_MS, RATE_PER_S)[1].event_ms is None


@pytest.mark.parametrize("slug", ["dev", "prod"])
def test_nothing_else_fails_waits_or_is_late(slug: str) -> None:
    for name in STORIES if slug == "dev" else ("calm", "forgotten-approval"):
        world = after_a_while(name, slug)
        assert not [run.id for run in untouched(world) if run.status in FAILURES], name
        assert max(waits_ms(run, world.now_ms) for run in untouched(world)) < 1_000, name
        assert not any(queue.is_paused for queue in world.queues.all())
        live = [run for run in untouched(world) if run.status in {Status.EXECUTING, Status.WAITING, Status.DEQUEUED}]
        assert all(world.now_ms - run.created_ms < 2 * MINUTE_MS for run in live), name
        assert not [run for run in live if any(item is not None for item in waits_for_token(run))], name
        for schedule in world.schedules.newest_first():
            if world.story.silence is not None and schedule.task.id == world.story.silence.task_id:
                continue
            last_ms = (schedule.next_ms(world.now_ms) or 0) - schedule.period_ms
            runs = [run.shown_created_ms for run in world.ledger if run.schedule_id == schedule.id]
            assert last_ms in runs, (name, schedule.task.id)


def waits_for_token(run: Run) -> Iterator[object]:
    return (item for item in run.script(1).items if getattr(item, "is_token", False))


def test_durations_of_healthy_tasks_do_not_drift() -> None:
    durations: dict[str, list[int]] = {}
    for run in after_a_while("calm").ledger:
        if run.finished_ms is not None:
            durations.setdefault(run.task_id, []).append(run.finished_ms - run.attempts[0].started_ms)
    assert set(durations) == {task.id for task in TASKS}
    for task_id, each in durations.items():
        assert max(each) <= 1.5 * min(each) + 30, task_id


def test_each_task_has_a_past_at_this_time_of_day() -> None:
    world = make("stuck-run")
    for task_id in ("charge-card", "send-email", "log-usage", "render-page", "refresh-rates", "import-catalog"):
        for hour_ms in range(START_MS // HOUR_MS * HOUR_MS, START_MS + 2 * HOUR_MS, HOUR_MS):
            hours = [range(hour_ms - day * DAY_MS, hour_ms - day * DAY_MS + HOUR_MS) for day in range(1, 8)]
            runs = [run for run in world.ledger if run.task_id == task_id and run.created_ms < START_MS - HOUR_MS]
            counts = [sum(run.created_ms in hour for run in runs) for hour in hours]
            assert sum(counts) >= 20, task_id


def test_calm_has_no_label() -> None:
    assert not touched(after_a_while("calm"))
    assert {after_a_while("calm").label(run) for run in after_a_while("calm").ledger} == {None}


def test_bad_deploy_breaks_every_second_charge() -> None:
    world = after_a_while("bad-deploy")
    event_ms = event_of(world)
    later = [run for run in world.ledger if run.started_ms is not None and run.started_ms > event_ms and not run.parent]
    charges = [run for run in later if run.task_id == "charge-card" and run.status.is_final]
    failed = touched(world)
    assert {run.status for run in failed} == {Status.FAILED}
    assert {run.failure for run in failed} == {CHARGE_BUG}
    assert set(failed) < set(charges)
    assert abs(len(failed) / len(charges) - 0.5) < 0.02
    assert 0.3 < len(charges) / len(later) < 0.5
    before = [run for run in world.ledger if START_MS < (run.started_ms or 0) < event_ms]
    assert {run.version for run in failed} == {world.lifecycle.version}
    assert world.lifecycle.version not in {run.version for run in before}
    soon = [run for run in failed if run.finished_ms is not None and run.finished_ms < START_MS + 40_000]
    assert len(soon) >= 8


def test_queue_at_limit_waits_30_s_at_the_event() -> None:
    for rate_per_s, minutes in ((RATE_PER_S, 10), (30.0, 1)):
        company, story = tell("queue-at-limit", 1, START_MS, rate_per_s)
        world = World(company, start_ms=START_MS, rate_per_s=rate_per_s, history=60, story=story)
        world.advance(event_of(world))
        queue = world.queues.named(EMAIL)
        assert queue.running == queue.limit
        oldest = min(run.queued_ms or 0 for run in queue.waiting.values())
        assert QUEUE_WAIT_MS <= world.now_ms - oldest < QUEUE_WAIT_MS + 1_000
        assert len(queue.waiting) > 5
        world.advance(START_MS + minutes * MINUTE_MS)
        assert queue.running == queue.limit
        assert set(touched(world)) >= {run for run in world.ledger if run.number in queue.waiting}
        assert sum(run.status is Status.EXECUTING for run in touched(world)) == queue.limit
        assert not [run for run in touched(world) if run.status.is_final and run.task_id == "send-campaign"]


def test_missed_schedule_starts_no_run_a_minute_before_the_event() -> None:
    for seed, later_ms in ((1, 0), (2, 31_000), (3, 59 * MINUTE_MS), (4, 8 * HOUR_MS + 51_000)):
        start_ms = START_MS + later_ms
        company, story = tell("missed-schedule", seed, start_ms, 0.2)
        world = World(company, start_ms=start_ms, seed=seed, rate_per_s=0.2, history=20, story=story)
        schedule = world.schedules.of_task("hourly-digest")
        assert schedule is not None
        assert schedule.is_active
        next_ms = schedule.next_ms(world.now_ms)
        assert next_ms is not None
        due_ms = next_ms - HOUR_MS
        assert due_ms + schedule.spread_ms + MISSED_MS == event_of(world)
        assert 0 <= schedule.spread_ms < MINUTE_MS
        assert due_ms < start_ms < due_ms + 2 * MINUTE_MS
        world.advance(start_ms + 2 * HOUR_MS)
        times = {run.shown_created_ms for run in world.ledger if run.schedule_id == schedule.id}
        assert max(times) == due_ms - HOUR_MS
        assert {run.schedule_id for run in touched(world)} == {schedule.id}


def test_stuck_run_is_overdue_at_the_event() -> None:
    world = after_a_while("stuck-run")
    (stuck,) = touched(world)
    assert stuck.status is Status.EXECUTING
    overdue_ms = max(OVERDUE_P95S * IMPORT_MS, MIN_OVERDUE_MS)
    assert abs((stuck.started_ms or 0) + overdue_ms - event_of(world)) < 1_000
    others = [run for run in world.ledger if run.task_id == stuck.task_id and run is not stuck]
    assert {(run.finished_ms or 0) - run.attempts[0].started_ms for run in others} == {IMPORT_MS}


@pytest.mark.parametrize("slug", ["dev", "prod"])
def test_forgotten_approval_waits_a_day_at_the_event(slug: str) -> None:
    world = after_a_while("forgotten-approval", slug)
    (waiting,) = touched(world)
    assert waiting.status is (Status.EXECUTING if slug == "dev" else Status.WAITING)
    assert waiting.tags == ("legal-approval",)
    (block,) = waiting.attempts[0].blocks
    assert block.ended_ms is None
    assert 0 <= block.started_ms + TOKEN_WAIT_MS - event_of(world) < 1_000


def test_recorded_tasks_replace_no_task_of_a_story() -> None:
    options = WorldOptions(0, RATE_PER_S, 0, 1.0, datetime.fromtimestamp(START_MS / 1000, UTC), "calm")
    tasks = options.new_emulator().make("dev").lifecycle.tasks
    assert [tasks[task.id] for task in TASKS] == list(TASKS)
    assert "hello-world" in tasks


def test_past_comes_on_top_of_the_history() -> None:
    for history in (0, 1, 300):
        world = make("stuck-run", history=history)
        old = [run for run in world.ledger if START_MS - run.created_ms > 20 * HOUR_MS]
        assert len(old) > 400, history
        recent = [run for run in world.ledger if run.status.is_final and run not in set(old)]
        assert history <= len(recent) <= history + len(world.schedules.newest_first())


def test_demo_has_a_bad_version_that_is_mended() -> None:
    emulator = WorldOptions(0, 2.0, 100, 1.0, datetime.fromtimestamp(START_MS / 1000, UTC)).new_emulator(is_demo=True)
    world = emulator.make("dev")
    start_ms, story = world.now_ms, world.story
    assert not [run for run in world.ledger if run.label == "bad-deploy" and start_ms - run.created_ms < 600_000]
    begin, mended = story.deploys
    assert begin.at_ms < mended.at_ms < start_ms + 90_000
    world.advance(start_ms + 120_000)
    failed = [run for run in world.ledger if world.label(run) == story.name and run.created_ms > start_ms]
    assert len(failed) >= 12
    assert {run.task_id for run in failed} == {PAYMENT.id}
    assert len({run.version for run in failed}) == 1
    assert world.lifecycle.version not in {run.version for run in failed}
    later = [run for run in world.ledger if run.task_id == PAYMENT.id and run.created_ms > mended.at_ms]
    assert any(run.status is Status.COMPLETED for run in later)
    assert not [run for run in later if run.label == "bad-deploy"]
    # Random deployments go on.
    world.advance(start_ms + 2_600_000)
    assert world.lifecycle.version not in {run.version for run in later}
