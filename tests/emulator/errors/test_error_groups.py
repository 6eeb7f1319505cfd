"""Error groups: what they count, pages and filters, their states, and the bodies that change them."""

import base64
import json
from collections import Counter
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.emulator.small_world import a_world, ask, later, refused, started
from tui.emulator.exchange import Refusal
from tui.emulator.routes import errors
from tui.emulator.routes.errors import find_group
from tui.emulator.routes.runs import list_runs
from tui.emulator.simulation.ledger import GROUPED
from tui.emulator.simulation.script import Failure, FailureKind, Script, Work
from tui.emulator.world import World

HOUR_MS = 3_600_000
MESSAGES = ("Fetch failed", "no row 7", "no row 8", "déjà vu")


def fail(world: World, message: str, task: str = "hello", **more: Any) -> str:
    """Let a run fail with this message, and return its id."""
    script = Script((Work(5),), throws=Failure(FailureKind.ERROR, message, "Error"))
    return started(world, task, 50, script=script, max_attempts=1, **more).id


def many() -> World:
    """Two hundred failed runs of five tasks in up to fifteen groups, beside runs that did not fail."""
    world, random = a_world(), Random(3)
    for _ in range(120):
        fail(world, random.choice(MESSAGES), random.choice(("hello", "nothing", "text")))
        run = started(world, random.choice(("crash", "timeout", "slow", "hello")), random.choice((0, 50)))
        if random.random() < 0.1:
            world.cancel(run)
    later(world, 3000)
    return world


WORLD = many()
"""Read only. A test that changes a world makes its own."""


def rows(world: World, **filters: str) -> list[dict[str, Any]]:
    return pages(world, {f"filter[{name}]": value for name, value in filters.items()})[0]


def pages(world: World, query: dict[str, str], direction: str = "next") -> list[list[dict[str, Any]]]:
    """All pages from the one that the query requests, in one direction."""
    found, name = [], {"next": "page[after]", "previous": "page[before]"}[direction]
    while True:
        body = ask(errors.list_errors, world, query).body
        found.append(body["data"])
        if direction not in body["pagination"]:
            return found
        query = {key: value for key, value in query.items() if "page[size]" in key or "filter" in key}
        query[name] = body["pagination"][direction]


def test_groups_count_the_failed_runs_of_a_task_and_message() -> None:
    counted = Counter(
        (run.task_id, run.failure.message) for run in WORLD.ledger if run.failure and run.status in GROUPED
    )
    assert len(counted) > 10
    assert {(row["taskIdentifier"], row["errorMessage"]): row["count"] for row in rows(WORLD)} == counted


def test_error_filter_lists_the_runs_of_a_group() -> None:
    for row in rows(WORLD):
        for name in (row["id"], row["fingerprint"]):
            query = {"filter[error]": name, "filter[taskIdentifier]": row["taskIdentifier"], "page[size]": "100"}
            listed = ask(list_runs, WORLD, query).body["data"]
            assert len(listed) == row["count"]
            assert row["lastSeen"] == listed[0]["createdAt"]
            assert row["firstSeen"] == listed[-1]["createdAt"]
    assert ask(list_runs, WORLD, {"filter[error]": "error_0123456789abcdef"}).body["data"] == []


def test_tasks_share_a_fingerprint() -> None:
    shared = {row["fingerprint"] for row in rows(WORLD) if row["errorMessage"] == "no row 7"}
    assert len(shared) == 1
    listed = ask(list_runs, WORLD, {"filter[error]": shared.pop(), "page[size]": "100"}).body["data"]
    assert {run["taskIdentifier"] for run in listed} == {"hello", "nothing", "text"}


@pytest.mark.parametrize("size", [1, 4, 100])
def test_pages_hold_every_group_once_in_both_directions(size: int) -> None:
    forward = pages(WORLD, {"page[size]": str(size)})
    everything = [row for page in forward for row in page]
    assert everything == rows(WORLD)
    order = [(row["count"], row["fingerprint"], row["taskIdentifier"]) for row in everything]
    assert order == sorted(order, reverse=True)
    if len(forward) > 1:
        last = base64.b64encode(json.dumps(_place(everything[-1])).encode()).decode()
        backward = pages(WORLD, {"page[size]": str(size), "page[before]": last}, "previous")
        assert [row for page in reversed(backward) for row in page] == everything[:-1]


def _place(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "occurrenceCount": row["count"],
        "fingerprint": row["fingerprint"],
        "taskIdentifier": row["taskIdentifier"],
    }


@pytest.mark.parametrize("cursor", ["garbage", "e30=", base64.b64encode(b'{"occurrenceCount":"1"}').decode()])
def test_unreadable_cursor_counts_as_none(cursor: str) -> None:
    assert ask(errors.list_errors, WORLD, {"page[after]": cursor}).body["data"] == rows(WORLD)


def test_filters_select_groups() -> None:
    assert {row["taskIdentifier"] for row in rows(WORLD, taskIdentifier="crash,text")} == {"crash", "text"}
    assert {row["errorMessage"] for row in rows(WORLD, search=" FETCH ")} == {"Fetch failed"}
    assert {row["taskIdentifier"] for row in rows(WORLD, search="exceeded")} == {"timeout"}
    assert {row["taskIdentifier"] for row in rows(WORLD, search="max_duration")} == {"timeout"}
    assert rows(WORLD, search="no_row") == rows(WORLD, status="ignored,resolved") == []
    assert rows(WORLD, status="unresolved") == rows(WORLD)


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ({"filter[status]": "resolved,new,toString"}, "Invalid status values: new, toString. Allowed: unresolved, "),
        ({"filter[search]": "x" * 1001}, "String must contain at most 1000 character(s)"),
        ({"page[size]": "101"}, "Number must be less than or equal to 100"),
    ],
)
def test_invalid_filters_are_refused(query: dict[str, str], message: str) -> None:
    answer = refused(errors.list_errors, WORLD, query)
    assert (answer.status, answer.body["error"]) == (400, "Query Error")
    assert answer.body["details"][0]["path"] == list(query)
    assert answer.body["details"][0]["message"].startswith(message)


def test_period_counts_only_its_failures() -> None:
    world = a_world()
    fail(world, "old")
    fail(world, "old and new")
    later(world, 3 * HOUR_MS)
    fail(world, "old and new")
    later(world, 2000)
    assert [(row["errorMessage"], row["count"]) for row in rows(world, period="1h")] == [("old and new", 1)]
    assert rows(world, period="1h")[0]["firstSeen"] < rows(world, period="1h")[0]["lastSeen"]
    assert sorted(row["count"] for row in rows(world)) == [1, 2]
    later(world, 25 * HOUR_MS)
    assert rows(world) == rows(world, period="soon") == []
    assert len(rows(world, period="7d")) == 2


# --- states


def test_state_never_changes_by_itself() -> None:
    world = a_world()
    fail(world, "x")
    later(world, 2000)
    at = {"id": rows(world)[0]["id"]}
    ask(errors.resolve, world, body={}, **at)
    later(world, 2000)
    fail(world, "x")
    later(world, 2000)
    resolved = ask(errors.error, world, **at).body
    assert (resolved["status"], resolved["count"]) == ("resolved", 2)
    assert resolved["lastSeen"] > resolved["resolvedAt"]
    ask(errors.ignore, world, body={"duration": 1000}, **at)
    later(world, HOUR_MS)
    ignored = ask(errors.error, world, **at).body
    assert (ignored["status"], ignored["resolvedAt"]) == ("ignored", None)
    assert ask(errors.unresolve, world, **at).body == {**ignored, **dict.fromkeys(CHANGED), "status": "unresolved"}


CHANGED = ("ignoredAt", "ignoredUntil")


def test_state_belongs_to_one_task() -> None:
    world = a_world()
    for task in ("hello", "text"):
        fail(world, "shared", task)
    later(world, 2000)
    changed = ask(errors.resolve, world, body={}, id=rows(world)[0]["id"]).body
    assert changed["taskIdentifier"] == "hello"
    assert {row["taskIdentifier"]: row["status"] for row in rows(world)} == {"hello": "resolved", "text": "unresolved"}


@pytest.mark.parametrize("action", [errors.error, errors.resolve, errors.unresolve, errors.ignore])
@pytest.mark.parametrize("name", ["error_nope", "", "run_x"])
def test_unknown_group_is_not_found(action: Any, name: str) -> None:
    answer = refused(action, WORLD, id=name, body={})
    assert (answer.status, answer.body, answer.headers) == (404, {"error": "Not found"}, {"x-should-retry": "false"})


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ({"duration": True}, 'Expected number, received boolean at "duration"'),
        ({"duration": None}, 'Expected number, received null at "duration"'),
        ({"duration": -1}, 'Number must be greater than 0 at "duration"'),
        ({"occurrenceRate": []}, 'Expected number, received array at "occurrenceRate"'),
        ({"reason": 7}, 'Expected string, received number at "reason"'),
        ({"reason": "x" * 1001}, 'String must contain at most 1000 character(s) at "reason"'),
        ([], "Expected object, received array"),
    ],
)
def test_bad_body_is_refused(body: Any, text: str) -> None:
    answer = refused(errors.ignore, WORLD, id=rows(WORLD)[0]["id"], body=body)
    assert (answer.status, answer.body) == (400, {"error": f"Validation error: {text}"})


JSON = st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(), st.lists, max_leaves=3)
FIELDS = st.dictionaries(st.sampled_from(["duration", "occurrenceRate", "totalOccurrences", "reason"]), JSON)


@given(FIELDS)
def test_any_body_is_taken_or_refused(body: Any) -> None:
    status = 200
    try:
        ask(errors.ignore, WORLD_OF_BODIES, id=rows(WORLD_OF_BODIES)[0]["id"], body=body)
    except Refusal as refusal:
        status = refusal.answer.status
    assert status in {200, 400}


WORLD_OF_BODIES = a_world()
fail(WORLD_OF_BODIES, "x")
later(WORLD_OF_BODIES, 2000)


# --- dropped runs


def test_dropped_runs_leave_their_group() -> None:
    world = a_world()
    first, second = fail(world, "x"), fail(world, "x")
    later(world, 2000)
    world.ledger.drop(world.ledger.by_id[first])
    assert [row["count"] for row in rows(world)] == [1]
    group = rows(world)[0]["id"]
    world.ledger.drop(world.ledger.by_id[second])
    assert rows(world) == []
    assert find_group(world, group) is None
    assert list(world.ledger.failed.groups()) == []
