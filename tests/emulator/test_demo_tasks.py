"""The demo tasks: they produce everything that a client must handle, in realistic shares, and with known causes."""

import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from functools import cache, partial
from itertools import pairwise
from random import Random
from typing import Any

import pytest

from tests.support.emulator.pages import walked
from tests.support.recordings import recording
from tui.emulator.demo_tasks import COMPANY
from tui.emulator.demo_tasks.examples import TEXTS
from tui.emulator.demo_tasks.history import KNOWN_FAILURES, MIN_HISTORY_WITH_WEEK, OLD_RUNS, week_of
from tui.emulator.demo_tasks.orders import FAILURES, failure_of
from tui.emulator.demo_tasks.samples import ROOTS, TICKS, as_built
from tui.emulator.environment import DEVELOPMENT, PRODUCTION, Environment
from tui.emulator.recorded_tasks import LATER_RECORDED_TASKS, RECORDED_TASKS
from tui.emulator.routes.errors import read_group_page
from tui.emulator.routes.traces import events_answer, span_answer, trace_answer
from tui.emulator.simulation.ledger import GROUPED
from tui.emulator.simulation.runs import LIVE, Run, Status
from tui.emulator.simulation.script import NOTHING, Call, FailureKind, Json, Lines, Log, Script, Span, Step, Work
from tui.emulator.world import World

START_MS = 1_795_528_000_000
HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
TASKS = {task.id: task for task in COMPANY.tasks}
BUSY = ("process-payment", "crm-sync", "heartbeat", "send-email", "extract-thumbnail")
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


def test_usual_payloads_need_no_help() -> None:
    """Only of strange payloads the missing fields are filled in."""
    for task in COMPANY.tasks:
        script = vars(vars(task.script)["__wrapped__"])["__wrapped__"]
        for seed in range(40):
            script(Call(task.payload(Random(seed)), 1, Random(seed)))
    filled = TASKS["send-email"].script(Call({"to": "somebody@example.com", "message": 100_999}, 1, Random(1)))
    assert filled.output["accepted"] == ["somebody@example.com"]
    thrown = TASKS["process-payment"].script(Call({"order": "x"}, 1, Random(1))).throws
    assert thrown is not None
    assert thrown.name == "TypeError"


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


def test_stacks_look_like_nodes() -> None:
    stacks = {run.failure.stack for run in finished() if run.failure and run.failure.stack and run.task_id != QUOTING}
    for stack in stacks:
        lines = stack.split("\n")
        assert len(lines) <= 10
        assert all(re.match(r"    at \S", line) for line in lines), stack
        # The caller of a function that was not resumed is on the stack itself and awaits nothing yet.
        for above, below in pairwise(lines):
            assert not below.startswith("    at async ") or "async " in above or TICKS in above or "Promise." in below
        assert not lines[0].startswith("    at async ")
    recorded = recording("144")["response"]["body"]["error"]["stackTrace"].split("\n")[2:]
    bug = COMPANY.bugs[0][1].stack.split("\n")
    own = [line for line in bug if "/app/src/" in line or TICKS in line]
    assert bug == own + recorded[: 10 - len(own)]


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


def test_build_moves_the_stack_of_a_span_and_its_attempt() -> None:
    script = Script(throws=failure_of(0))
    stacks = {built.stack for number in range(40) if (built := as_built(script, f"20261124.{number}").throws)}
    assert len(stacks) == 40
    assert all(any(f"({root}src/lib/orders.ts:" in stack for stack in stacks) for root in ROOTS)
    run = next(run for run in finished() if run.task_id == "sync-order" and run.failure and run.failure.stack)
    thrown = run.script(len(run.attempts))
    assert run.failure is not None
    steps = list(steps_of(thrown))
    errors = [step for step in steps if isinstance(step, Log) and step.level == "ERROR"]
    logged = [(step.attributes or {})["error"]["stack"] for step in errors]
    assert thrown.throws == run.failure
    assert [step.failure for step in steps if isinstance(step, Span)] == [run.failure]
    assert logged == [run.failure.stack_trace]


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


def test_live_runs_have_every_status_and_stay_few() -> None:
    world = World(COMPANY, start_ms=START_MS, environment=PRODUCTION, seed=9, rate_per_s=10)
    seen: set[Status] = set()
    for minute in range(1, 7):
        world.advance(START_MS + minute * 30_000)
        live = [run.status for run in world.ledger if not run.status.is_final]
        assert len(live) < 270
        seen |= {*live}
    assert seen == LIVE - {Status.PENDING_VERSION}


@pytest.mark.parametrize("minute", [0, 40, 52, 59])
def test_week_makes_normals_of_busy_tasks(minute: int) -> None:
    start_ms, history = START_MS // HOUR_MS * HOUR_MS + minute * 60_000, 2_000
    runs = week_of(COMPANY.tasks, 0, start_ms, history)
    in_hour = Counter((old.new.task_id, (start_ms - old.age_ms) // HOUR_MS % 24) for old in runs)
    assert all(in_hour[task, (start_ms + 600_000) // HOUR_MS % 24] >= 20 for task in BUSY)
    assert {old.age_ms // DAY_MS for old in runs} <= set(range(8))
    assert runs == week_of(COMPANY.tasks, 0, start_ms, history)
    assert week_of(COMPANY.tasks, 0, start_ms, MIN_HISTORY_WITH_WEEK - 1) == []
    if minute:
        return
    world = World(COMPANY, start_ms=start_ms, rate_per_s=2, history=history, old_runs=runs)
    assert sum(run.status.is_final for run in world.ledger) == history
    assert sum(run.created_ms > start_ms - DAY_MS / 2 for run in world.ledger) > history / 2
    # The old runs deploy one version a day, not one each.
    deployed = [each.version for each in world.lifecycle.deployments.newest_first()]
    assert len(deployed) == len(set(deployed))


def test_old_runs_stand_beside_the_history() -> None:
    old_runs = (*OLD_RUNS, *KNOWN_FAILURES)
    plain, aged = (
        World(COMPANY, start_ms=START_MS, rate_per_s=2, history=400, seed=5, old_runs=old) for old in ((), old_runs)
    )
    old = [run for run in aged.ledger if START_MS - run.created_ms > 2 * DAY_MS and run.root is None]
    tasks = sorted((old.age_ms // DAY_MS, old.new.task_id) for old in old_runs)
    assert sorted(((START_MS - run.created_ms) // DAY_MS, run.task_id) for run in old) == tasks
    live = [run.status for run in old if not run.status.is_final]
    assert live == [Status.EXECUTING, Status.EXECUTING, Status.DELAYED]
    assert all(run.status in GROUPED for run in old if run.status.is_final)
    recent = [
        {(run.id, run.status, run.updated_ms) for run in world.ledger if run.created_ms > START_MS - DAY_MS}
        for world in (plain, aged)
    ]
    # The failures are a part of the history, of which the oldest others are missing.
    assert recent[1] < recent[0]
    assert [sum(run.status.is_final for run in world.ledger) for world in (plain, aged)] == [400, 400]
    groups, back = walked(partial(read_group_page, aged), {"filter[period]": "30d", "page[size]": "3"})
    assert {group.state.word for group in groups} == {"unresolved", "resolved", "ignored"}
    assert sorted(back, key=groups.index) == groups
    assert len({group.key for group in groups}) == len([*aged.ledger.failed.groups()])


# --- examples


def example(name: str, environment: Environment = DEVELOPMENT) -> Run:
    return [run for run in world(environment).ledger if run.task_id == f"example-{name}"][-1]


def events(run: Run, ago_ms: int = 0) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = events_answer(run, world(DEVELOPMENT).now_ms - ago_ms, DEVELOPMENT)["events"]
    return found


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


def test_checkout_has_every_part_of_a_log() -> None:
    run = example("checkout")
    rows = events(run)
    assert {row["level"] for row in rows} == {"TRACE", "DEBUG", "LOG", "INFO", "WARN", "ERROR"}
    assert [row["attemptNumber"] for row in rows if row["message"].startswith("Attempt")] == [1, 2]
    names = {row["message"] for row in rows}
    assert names >= {"wait.for()", "wait.forToken()", "batchTriggerAndWait()", "trigger()", "Retry #1 delay"}
    assert any("[cause]: Error: connect ECONNREFUSED" in name for name in names)
    assert {run.status for run in run.children} == {Status.COMPLETED, Status.FAILED}
    now_ms = world(DEVELOPMENT).now_ms
    spans = [span_answer(run, row["spanId"], now_ms, DEVELOPMENT) for row in rows if row["attemptNumber"] == 1]
    details = {detail["message"]: detail.get("properties") for detail in spans if detail is not None}
    error = details["order 218403 could not be paid"]["error"]
    assert error["cause"]["cause"]["code"] == "ECONNREFUSED"
    assert details["2 lines, 1 customer"]["customer"]["address"]["lines"] == ["c/o Müller"]


def test_logs_grow_and_are_cut() -> None:
    before, later = (
        [row for row in events(example("live-log"), ago_ms) if row["level"] != "TRACE"] for ago_ms in (20_000, 0)
    )
    assert 30 < len(before) < 45
    assert 18 <= len(later) - len(before) <= 22
    run = example("long-log")
    rows = events(run)
    stored = sum(1 + (row["level"] == "TRACE" and not row["isPartial"]) + len(row["events"]) for row in rows)
    assert (stored, len(rows)) == (25_000, 24_991)
    assert "the last line" not in {row["message"] for row in rows}
    body = trace_answer(run, world(DEVELOPMENT).now_ms, DEVELOPMENT)
    assert body is not None
    assert body["trace"]["isTruncated"]
    assert 4_900 < json.dumps(body).count('"startTime"') <= 5_000
