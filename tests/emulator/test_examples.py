"""The examples of every history: one run of each way to end, a run with every part of a trace, and a long log."""

import json
from collections import Counter
from functools import cache
from typing import Any

import pytest

from tui.emulator.demo_tasks import COMPANY
from tui.emulator.environment import DEVELOPMENT, PRODUCTION, Environment
from tui.emulator.routes.errors import read_group_page
from tui.emulator.routes.traces import events_answer, span_answer, trace_answer
from tui.emulator.simulation.runs import Run, Status
from tui.emulator.world import World

START_MS = 1_795_528_000_000


@cache
def world(environment: Environment = DEVELOPMENT) -> World:
    return World(COMPANY, start_ms=START_MS, environment=environment, rate_per_s=2, history=100)


def example(name: str, environment: Environment = DEVELOPMENT) -> Run:
    return [run for run in world(environment).ledger if run.task_id == f"example-{name}"][-1]


@pytest.mark.parametrize("environment", [DEVELOPMENT, PRODUCTION], ids=lambda each: each.slug)
def test_history_has_a_run_of_each_way_to_end(environment: Environment) -> None:
    lost = Status.CANCELED if environment is DEVELOPMENT else Status.FAILED
    expected = {
        "checkout": Status.COMPLETED,
        "long-log": Status.FAILED,
        "thrown": Status.FAILED,
        "uncaught": Status.FAILED,
        "crash": Status.CRASHED,
        "timeout": Status.TIMED_OUT,
        "out-of-memory": Status.CRASHED,
        "lost-worker": lost,
        "system-failure": Status.SYSTEM_FAILURE,
        "canceled": Status.CANCELED,
        "expired": Status.EXPIRED,
    }
    assert {name: example(name, environment).status for name in expected} == expected
    assert sum(run.status.is_final for run in world(environment).ledger) == 100


def test_error_groups_of_examples_have_every_state() -> None:
    page = read_group_page(world(), {"page[size]": "100", "filter[period]": "7d"})
    states = {group.key.task_id: group for group in page.groups if group.key.task_id.startswith("example-")}

    def of(name: str) -> tuple[str, bool, bool]:
        state, seen_ms = states[f"example-{name}"].state, states[f"example-{name}"].last_ms
        until_ms = state.until_ms or 0
        return state.word, state.at_ms is not None and seen_ms > state.at_ms, until_ms > world().now_ms

    assert of("thrown") == ("resolved", True, False)
    assert states["example-thrown"].count == 2
    assert of("out-of-memory") == ("resolved", False, False)
    assert of("timeout") == ("ignored", False, True)
    assert of("crash") == ("ignored", False, False)
    assert of("uncaught") == ("unresolved", False, False)


def events(run: Run) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = events_answer(run, world().now_ms, DEVELOPMENT)["events"]
    return found


def test_checkout_has_every_part_of_a_log() -> None:
    run = example("checkout")
    rows = events(run)
    levels = Counter(row["level"] for row in rows)
    assert set(levels) == {"TRACE", "DEBUG", "LOG", "INFO", "WARN", "ERROR"}
    assert [row["attemptNumber"] for row in rows if row["message"].startswith("Attempt")] == [1, 2]
    names = {row["message"] for row in rows}
    assert names >= {"wait.for()", "wait.forToken()", "batchTriggerAndWait()", "trigger()", "Retry #1 delay"}
    assert any("[cause]: Error: connect ECONNREFUSED" in name for name in names)
    assert any("[errors]: [" in name for name in names)
    child = {run.status for run in run.children}
    assert child == {Status.COMPLETED, Status.FAILED}


def test_checkout_logs_nested_attributes() -> None:
    run = example("checkout")
    rows = {row["message"]: row["spanId"] for row in events(run) if row["attemptNumber"] == 1}
    shown = [span_answer(run, span_id, world().now_ms, DEVELOPMENT) for span_id in rows.values()]
    details = {detail["message"]: detail.get("properties") for detail in shown if detail is not None}
    error = details["order 218403 could not be paid"]["error"]
    assert error["cause"]["cause"]["code"] == "ECONNREFUSED"
    assert "\n    at " in error["stack"]
    assert "\n    at " in error["cause"]["stack"]
    assert details["2 lines, 1 customer"]["customer"]["address"]["lines"] == ["c/o Müller"]
    assert details["quote carriers" if "quote carriers" in details else "check cart"] is not None


def test_live_log_grows_by_a_line_a_second() -> None:
    run = example("live-log")
    assert run.status is Status.EXECUTING
    now_ms = world().now_ms
    before, later = (
        [row for row in events_answer(run, ms, DEVELOPMENT)["events"] if row["level"] != "TRACE"]
        for ms in (now_ms - 20_000, now_ms)
    )
    assert 30 < len(before) < 45
    assert 18 <= len(later) - len(before) <= 22
    assert {row["level"] for row in later} == {"DEBUG", "INFO", "WARN", "ERROR"}


def test_world_without_arrivals_has_no_live_example() -> None:
    still = World(COMPANY, start_ms=START_MS, history=40)
    assert [run for run in still.ledger if run.task_id.startswith("example-") and not run.status.is_final] == []


def test_long_log_is_cut_in_events_and_in_the_trace() -> None:
    run = example("long-log")
    rows = events(run)
    stored = sum(1 + (row["level"] == "TRACE" and not row["isPartial"]) + len(row["events"]) for row in rows)
    assert (stored, len(rows)) == (25_000, 24_991)
    starts = [int(row["startTime"]) for row in rows]
    assert starts == sorted(starts)
    assert Counter(row["level"] for row in rows).keys() == {"TRACE", "INFO", "WARN", "ERROR", "DEBUG"}
    assert "the last line" not in {row["message"] for row in rows}
    body = trace_answer(run, world().now_ms, DEVELOPMENT)
    assert body is not None
    assert body["trace"]["isTruncated"]
    assert 4_900 < json.dumps(body).count('"startTime"') <= 5_000
