"""Errors of all places of the API are of one kind if they differ only in data."""

from typing import Any

import pytest

from tests.support.domain.labelled_errors import DATA, Score, labelled_errors, score
from tests.support.domain.patches import at
from tests.support.emulator.causes import caused_errors
from tui.domain.error import RunError, build_error
from tui.domain.error_kinds import ErrorKind, OwnFrame, kind_of
from tui.domain.facts import ServerErrorGroup, ServerGroupStatus
from tui.domain.run import ErrorGroupId, TaskId
from tui.domain.text import Raw

GOAL = 0.99


def test_kinds_equal_the_labels_of_the_first_file() -> None:
    assert score(labelled_errors("labelled-1.jsonl")) == Score(1.0, 1.0)


@pytest.mark.parametrize("name", sorted(path.name for path in DATA.iterdir()))
def test_kinds_agree_with_labels(name: str) -> None:
    found = score(labelled_errors(name))
    assert min(found) >= GOAL, found


def kind_in(stack: str, message: str = "m") -> ErrorKind:
    return kind_of(build_error(message, name="Error", stack=stack))


@pytest.mark.parametrize(
    "place",
    [
        "/app/src/lib/a.ts",
        "file:///Users/mei/code/shop/src/lib/a.ts",
        "C:\\Users\\dev\\shop\\src\\lib\\a.ts",
        "/app/.trigger/tmp/build-fqb6xY/src/lib/a.ts",
        "webpack-internal:///(rsc)/./src/lib/a.ts",
    ],
)
@pytest.mark.parametrize(
    "function", ["load", "async load", "Object.load", "async Module.load", "Object.<anonymous> [as load]"]
)
def test_frame_is_the_same_in_every_build(place: str, function: str) -> None:
    frame = kind_in(f"Error: m\n    at Array.map (<anonymous>)\n    at {function} ({place}:17:4)").frame
    assert frame == OwnFrame(Raw("src/lib/a.ts"), Raw("load"))


def test_code_of_the_stack_stands_for_a_missing_message() -> None:
    kinds = [
        kind_in(f"AggregateError [{code}]: \n    at f (node:net:1:2)", "") for code in ("ECONNREFUSED", "ETIMEDOUT")
    ]
    assert [kind.message for kind in kinds] == ["ECONNREFUSED", "ETIMEDOUT"]
    assert len({kind.fingerprint for kind in kinds}) == 2


@pytest.mark.parametrize("seed", [1])
def test_kinds_agree_with_the_causes_of_failures(seed: int) -> None:
    errors = caused_errors(seed)
    assert len({error.label for error in errors}) > 50
    precision, recall = score(errors)
    assert precision >= 0.99
    assert recall >= 0.99


def test_message_of_an_internal_error_may_have_lines_and_colons() -> None:
    error = build_error("POD_EVICTED: no space: left\non device", name="Internal error")

    assert (error.code, error.message, error.has_code_only) == ("POD_EVICTED", "no space: left\non device", False)


@pytest.mark.parametrize(
    ("message", "name"),
    [
        ("trigger.dev internal error (CODE) and more", None),
        ("trigger.dev internal error (CODE)", "Error"),
        ("TASK_X: thrown by the task", "Error"),
        ("Word: text", "Internal error"),
        ("", None),
    ],
)
def test_message_that_resembles_an_internal_error_is_plain(message: str, name: str | None) -> None:
    assert build_error(message, name=name) == RunError(Raw(message), None if name is None else Raw(name))


UNRESOLVED, RESOLVED, IGNORED = ServerGroupStatus


def group(status: ServerGroupStatus | None, **fields: Any) -> ServerErrorGroup:
    return ServerErrorGroup(ErrorGroupId("error_1"), TaskId("sync"), Raw("boom"), status=status, **fields)


@pytest.mark.parametrize(
    ("found", "is_regressed", "is_acknowledged"),
    [
        (group(UNRESOLVED, last_seen=at(5)), False, False),
        (group(RESOLVED, last_seen=at(5), resolved_at=at(9)), False, True),
        (group(RESOLVED, last_seen=at(9), resolved_at=at(9)), False, True),
        (group(RESOLVED, last_seen=at(9.001), resolved_at=at(9)), True, False),
        (group(UNRESOLVED, last_seen=at(9), resolved_at=at(5)), False, False),
        (group(IGNORED, last_seen=at(5)), False, True),
        (group(IGNORED, last_seen=at(5), ignored_until=at(10.001)), False, True),
        (group(IGNORED, last_seen=at(5), ignored_until=at(10)), False, False),
        (group(None, last_seen=at(9), resolved_at=at(5)), False, False),
    ],
)
def test_state_follows_the_dates(found: ServerErrorGroup, *, is_regressed: bool, is_acknowledged: bool) -> None:
    assert (found.is_regressed, found.is_acknowledged(at(10))) == (is_regressed, is_acknowledged)


def test_group_is_new_from_its_first_failure_on() -> None:
    assert group(UNRESOLVED, first_seen=at(5)).is_new(at(5))
    assert not group(UNRESOLVED, first_seen=at(5)).is_new(at(5.001))
    assert not group(UNRESOLVED).is_new(at(0))
