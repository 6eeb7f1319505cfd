"""Details of runs become patches: bodies, errors, relatives, attempts of older servers."""

import json
from datetime import timedelta
from typing import Any

import pytest

from tests.support.recordings import body_of
from tests.support.sure import sure
from tests.support.wire.rows import (
    READ_AT,
    ROW,
    body_facet,
    detail_of,
    error_of,
    page_body,
)
from tui.api.runs import decode_page, decode_run
from tui.domain.error import RunError
from tui.domain.run import ABSENT, AttemptStatus, Body, Precision


def test_lone_surrogates_are_kept() -> None:
    odd = "a\ud800b"
    answer = detail_of(payload={"text": odd}, output=odd, metadata={odd: 1}, tags=[odd], error={"message": odd})
    assert answer.patch.metadata is not None
    assert answer.patch.metadata[1] == {odd: 1}
    assert body_facet(answer) == Body({"text": odd}, odd)
    assert sure(answer.patch.state).tags == (odd,)
    assert error_of({"message": odd}) == RunError(odd)  # type: ignore[arg-type]  # Raw
    assert decode_page(page_body(ROW | {"metadata": {"k": odd}}, ROW | {"id": 3}), READ_AT).unreadable == 1


def test_run_with_a_very_long_number_is_kept() -> None:
    body = json.dumps(ROW)[:-1].encode() + b', "payload": ' + b"1" * 5_000 + b"}"
    assert body_facet(decode_run(body, READ_AT)).payload == float("inf")


def test_null_payload_differs_from_an_absent_one() -> None:
    assert body_facet(detail_of(payload=None)) == Body(payload=None)
    assert body_facet(detail_of()) == Body(ABSENT, ABSENT)
    assert body_facet(detail_of(output=0)).output == 0


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (None, None),
        ({"name": "E", "message": "m", "stackTrace": "s"}, RunError("m", "E", "s")),  # type: ignore[arg-type]  # Raw
        ({"message": "m", "stack": "s"}, RunError("m", None, "s")),  # type: ignore[arg-type]  # Raw
        ({}, RunError("")),  # type: ignore[arg-type]  # Raw
        ("thrown", RunError("thrown")),  # type: ignore[arg-type]  # Raw
        ({"message": {"code": 3}}, RunError('{"code": 3}')),  # type: ignore[arg-type]  # Raw
        ([1, 2], RunError("[1, 2]")),  # type: ignore[arg-type]  # Raw
        ({"name": 3, "message": None, "stackTrace": []}, RunError("")),  # type: ignore[arg-type]  # Raw
    ],
)
def test_error_is_read_in_every_form(error: Any, expected: RunError | None) -> None:
    assert error_of(error) == expected


def test_causes_are_kept_in_order_and_their_chain_is_limited() -> None:
    causes = [
        {"name": "A", "message": "1", "stackTrace": "s", "causes": [{"message": "x"}]},
        {"message": "2"},
        None,
        "3",
    ]
    error = sure(error_of({"name": "E", "message": "m", "causes": causes * 300}))
    known = [RunError("1", "A", "s"), RunError("2"), RunError("3")]  # type: ignore[arg-type]  # Raw
    assert list(error.causes) == known * 4


def test_related_runs_have_their_parent_and_root() -> None:
    answer = decode_run(body_of("142"), READ_AT)
    root, *children = answer.related
    assert answer.patch.fixed is not None
    assert (answer.patch.fixed.root_id, answer.patch.fixed.parent_id) == (root.id, root.id)
    assert root.fixed is not None
    assert (root.fixed.root_id, root.fixed.parent_id, root.fixed.depth) == (None, None, 0)
    for child in children:
        assert child.fixed is not None
        assert (child.fixed.root_id, child.fixed.parent_id, child.fixed.depth) == (root.id, answer.patch.id, 2)
        assert sure(child.state).precision is Precision.LIST
        assert child.error is None


@pytest.mark.parametrize(
    ("related", "expected"),
    [
        (None, False),
        ({}, False),
        ({"children": None}, False),
        ({"children": []}, True),
        ({"root": 3, "parent": None, "children": [None, {"id": "run_x"}]}, True),
    ],
)
def test_children_are_known_only_if_they_are_listed(related: Any, *, expected: bool) -> None:
    answer = detail_of(relatedRuns=related)
    assert answer.patch.lists_all_children is expected
    assert answer.related == ()


def test_schedule_and_batch_of_a_run_are_kept() -> None:
    schedule = {"id": "sched_1", "generator": {"type": "CRON", "expression": "0 * * * *"}}
    fixed = sure(detail_of(schedule=schedule, batchId="batch_1", triggerFunction="batchTrigger").patch.fixed)
    assert (fixed.schedule, fixed.batch_id, fixed.trigger_function) == (schedule, "batch_1", "batchTrigger")


def test_attempts_of_an_older_server_become_a_history() -> None:
    error = {"name": "Error", "message": "no", "stackTrace": "Error: no\n    at x"}
    times = {"startedAt": "2026-11-24T13:00:01Z", "completedAt": "2026-11-24T13:00:02Z"}
    answer = detail_of(
        attempts=[
            {"id": "attempt_2", "status": "EXECUTING", "startedAt": "2026-11-24T13:00:05Z"},
            {"id": "attempt_1", "status": "FAILED", **times, "error": error},
        ]
    )
    stamp, history = sure(answer.patch.attempts)
    first, second = history.attempts
    assert (stamp.precision, answer.patch.attempt_count) == (Precision.DETAIL, 2)
    assert (first.id, first.number, first.status) == ("attempt_1", 1, AttemptStatus.FAILED)
    assert (first.duration, first.error) == (timedelta(seconds=1), RunError("no", "Error", "Error: no\n    at x"))  # type: ignore[arg-type]  # Raw
    assert (second.id, second.number, second.status) == ("attempt_2", 2, AttemptStatus.EXECUTING)
    assert second.completed_at is None


@pytest.mark.parametrize(
    ("word", "ended", "expected"),
    [
        *((word, False, AttemptStatus.EXECUTING) for word in ("PENDING", "PAUSED", "EXECUTING", "NEW", None)),
        ("COMPLETED", True, AttemptStatus.COMPLETED),
        *((word, True, AttemptStatus.FAILED) for word in ("FAILED", "NEW")),
        *((word, True, AttemptStatus.CANCELED) for word in ("CANCELED", "CANCELLED")),
    ],
)
def test_attempt_status_is_one_of_four(word: str | None, *, ended: bool, expected: AttemptStatus) -> None:
    attempt = {"status": word, "completedAt": "2026-11-24T13:00:02Z" if ended else None}
    (read,) = sure(detail_of(attempts=[attempt]).patch.attempts)[1].attempts
    assert read.status is expected


def test_empty_attempts_leave_the_history_unknown() -> None:
    patch = detail_of(attempts=[], attemptCount=3).patch
    assert (patch.attempts, patch.attempt_count) == (None, 3)
    assert detail_of().patch.attempt_count is None
    assert detail_of(attemptCount=0).patch.attempt_count == 0
