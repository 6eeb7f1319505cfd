"""The demo tasks: they produce everything that a client must handle, in realistic shares, and with known causes."""

import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from functools import cache
from random import Random

import pytest

from tui.emulator.demo_tasks import COMPANY
from tui.emulator.demo_tasks.examples import TEXTS
from tui.emulator.demo_tasks.orders import FAILURES, failure_of
from tui.emulator.environment import DEVELOPMENT, PRODUCTION, Environment
from tui.emulator.recorded_tasks import LATER_RECORDED_TASKS, RECORDED_TASKS
from tui.emulator.routes.errors import read_group_page
from tui.emulator.simulation.ledger import GROUPED
from tui.emulator.simulation.runs import Run, Status
from tui.emulator.simulation.script import NOTHING, Call, FailureKind, Json, Lines, Log, Script, Span, Step, Work
from tui.emulator.world import World

START_MS = 1_795_528_000_000
DAY_MS = 86_400_000
TASKS = {task.id: task for task in COMPANY.tasks}
QUOTING = "moderate-comment"
"""A task whose messages quote any text."""


@cache
def world(environment: Environment = PRODUCTION) -> World:
    """A world that no test changes."""
    history = 3_000 if environment is PRODUCTION else 100
    rate_per_s = 20 if environment is PRODUCTION else 2
    return World(COMPANY, start_ms=START_MS, environment=environment, seed=1, rate_per_s=rate_per_s, history=history)


@cache
def finished() -> tuple[Run, ...]:
    return tuple(run for run in world().ledger if run.status.is_final)


def steps_of(script: Script) -> Iterator[Log | Span]:
    waiting: list[Step] = [step for item in script.items if isinstance(item, Work) for step in item.steps]
    while waiting:
        step = waiting.pop()
        if isinstance(step, Lines):
            yield step.line(0)
            continue
        yield step
        if isinstance(step, Span):
            waiting.extend(step.steps)


# --- the tasks themselves


@pytest.mark.parametrize(
    "payload",
    [None, 7, "text", [], {}, {"order": "x"}, {"message": None}, {"event": 1}, {"level": "deep"}, {"seconds": 1e999}],
    ids=str,
)
def test_any_payload_produces_a_script(payload: Json) -> None:
    for task in (*COMPANY.tasks, *RECORDED_TASKS, *LATER_RECORDED_TASKS):
        for attempt in (1, 2):
            one, other = (task.script(Call(payload, attempt, Random(1))) for _ in range(2))
            assert one == other
            assert all(0 <= item.ms < DAY_MS for item in one.items if isinstance(item, Work)), task.id


def test_hostile_text_reaches_every_part_of_a_run() -> None:
    def hostile(value: Json) -> bool:
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        text = text.replace("\\u001b", "\x1b").replace("\\r", "\r")
        return any(each[:12] in text for each in TEXTS)

    runs = [run for run in world().ledger if run.task_id == QUOTING]
    steps = [step for run in runs for attempt in run.attempts for step in steps_of(run.script(attempt.number))]
    task = TASKS[QUOTING]
    thrown = (task.script(Call(task.payload(Random(seed)), 1, Random(seed))).throws for seed in range(200))
    failures = [failure for failure in thrown if failure is not None]
    for values in (
        [tag for run in runs for tag in run.tags],
        [run.metadata for run in runs],
        [run.payload() for run in runs],
        [key for run in runs for key in run.payload()],
        [run.output() for run in runs if run.output() is not NOTHING],
        [step.message for step in steps if isinstance(step, Log)],
        [step.message for step in steps if isinstance(step, Span)],
        [key for step in steps for key in step.attributes or ()],
        [failure.message for failure in failures],
        [failure.name for failure in failures],
    ):
        assert any(map(hostile, values))
    assert all(len(run.tags) <= 10 and all(tag and len(tag) <= 128 for tag in run.tags) for run in world().ledger)


# --- failures and their causes


def test_every_failed_run_has_a_cause_behind_its_message() -> None:
    causes = Counter(run.cause for run in finished() if run.status in GROUPED and run.task_id != QUOTING)
    assert None not in causes
    assert 40 < len(causes) < 110
    messages: defaultdict[str, set[str]] = defaultdict(set)
    for number in range(0, 3_100 * 40, 100):
        failure = failure_of(number)
        messages[failure.cause].add(failure.message)
    assert len(messages) == len(FAILURES)
    constant = [cause for cause, found in messages.items() if len(found) == 1]
    assert all(re.search(r"status code|constraint|column|Cannot read", cause) for cause in constant), constant
    assert sum(len(found) > 20 for found in messages.values()) > 12


# --- a history


def test_history_is_realistic() -> None:
    runs = finished()
    assert {run.label for run in runs} >= set(FailureKind) - {FailureKind.STALLED, FailureKind.SYSTEM}
    failed = sum(run.status in GROUPED for run in runs)
    assert 0.03 < failed / len(runs) < 0.07
    recovered = [run for run in runs if run.status is Status.COMPLETED and len(run.attempts) > 1]
    assert len(recovered) > 0.02 * len(runs)
    assert {run.depth for run in world().ledger} >= set(range(5))
    assert max(len(run.children) for run in world().ledger) > 30
    assert all(
        any(child.status is not Status.COMPLETED for child in run.children)
        for run in runs
        if run.label is FailureKind.CHILD
    )
    seconds = sorted(run.usage_ms / 1000 for run in runs if run.status is Status.COMPLETED)
    assert 0.3 < seconds[len(seconds) // 2] < 3
    assert seconds[-20] > 30
    counts = Counter(run.task_id for run in world().ledger)
    assert counts.most_common(1)[0][1] < 0.3 * len(world().ledger)
    assert set(counts) >= {task.id for task in COMPANY.tasks if task.weight >= 0.4}


# --- examples


def example(name: str, environment: Environment = DEVELOPMENT) -> Run:
    return [run for run in world(environment).ledger if run.task_id == f"example-{name}"][-1]


def test_history_has_an_example_of_each_way_to_end() -> None:
    expected = {
        "checkout": Status.COMPLETED,
        "long-log": Status.FAILED,
        "thrown": Status.FAILED,
        "uncaught": Status.FAILED,
        "crash": Status.CRASHED,
        "timeout": Status.TIMED_OUT,
        "out-of-memory": Status.CRASHED,
        "lost-worker": Status.CANCELED,
        "system-failure": Status.SYSTEM_FAILURE,
        "canceled": Status.CANCELED,
        "expired": Status.EXPIRED,
        "live-log": Status.EXECUTING,
    }
    assert {name: example(name).status for name in expected} == expected
    assert example("lost-worker", PRODUCTION).status is Status.FAILED
    page = read_group_page(world(DEVELOPMENT), {"page[size]": "100", "filter[period]": "7d"})
    states = {group.key.task_id.removeprefix("example-"): group for group in page.rows}

    def of(name: str) -> tuple[str, bool, bool]:
        state, seen_ms = states[name].state, states[name].last_ms
        is_seen_since = state.at_ms is not None and seen_ms > state.at_ms
        return state.word, is_seen_since, (state.until_ms or 0) > world(DEVELOPMENT).now_ms

    assert {name: of(name) for name in ("thrown", "out-of-memory", "timeout", "crash", "uncaught")} == {
        "thrown": ("resolved", True, False),
        "out-of-memory": ("resolved", False, False),
        "timeout": ("ignored", False, True),
        "crash": ("ignored", False, False),
        "uncaught": ("unresolved", False, False),
    }
