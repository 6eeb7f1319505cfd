"""The demo tasks: they produce everything that a client must handle, in realistic shares, and with known causes."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from functools import cache
from random import Random

import pytest

from tui.emulator.demo_tasks import COMPANY, HOSTILE_COMPANY
from tui.emulator.demo_tasks.orders import FAILURES, failure_of
from tui.emulator.environment import PRODUCTION
from tui.emulator.recorded_tasks import LATER_RECORDED_TASKS, RECORDED_TASKS
from tui.emulator.simulation.ledger import GROUPED
from tui.emulator.simulation.runs import Run, Status
from tui.emulator.simulation.script import Call, Failure, FailureKind, Json, Work
from tui.emulator.world import World

START_MS = 1_795_528_000_000
DAY_MS = 86_400_000
CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069]")
"""Characters by which a text attacks a terminal or its reader."""


@cache
def world() -> World:
    """A world that no test changes."""
    return World(COMPANY, start_ms=START_MS, environment=PRODUCTION, seed=1, rate_per_s=20, history=3_000)


@cache
def finished() -> tuple[Run, ...]:
    return tuple(run for run in world().ledger if run.status.is_final)


# --- the tasks themselves


@pytest.mark.parametrize(
    "payload",
    [None, 7, "text", [], {}, {"order": "x"}, {"message": None}, {"event": 1}, {"level": "deep"}, {"seconds": 1e999}],
    ids=str,
)
def test_any_payload_produces_a_script(payload: Json) -> None:
    for task in (*HOSTILE_COMPANY.tasks, *RECORDED_TASKS, *LATER_RECORDED_TASKS):
        for attempt in (1, 2):
            one, other = (task.script(Call(payload, attempt, Random(1))) for _ in range(2))
            assert one == other
            assert all(0 <= item.ms < DAY_MS for item in one.items if isinstance(item, Work)), task.id


# --- failures and their causes


def test_every_failed_run_has_a_cause_behind_its_message() -> None:
    causes = Counter(run.cause for run in finished() if run.status in GROUPED)
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


def test_only_the_hostile_company_writes_control_characters() -> None:
    hostile = World(HOSTILE_COMPANY, start_ms=START_MS, seed=1, rate_per_s=20, history=200).ledger
    for runs, has_some in ((finished(), False), (hostile, True)):
        written = ([run.payload(), run.output, run.tags, run.failure] for run in runs)
        assert any(CONTROLS.search(text) for text in texts_in([*written])) == has_some


def texts_in(value: object) -> Iterator[str]:
    """Yield all texts in a value, however deep."""
    match value:
        case str():
            yield value
        case Failure():
            yield value.message
        case dict():
            yield from texts_in([*value, *value.values()])
        case list() | tuple():
            for each in value:
                yield from texts_in(each)
        case _:
            pass


# --- examples
