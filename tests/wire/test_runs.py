"""Rows and details of runs become patches, also with absent, null, unusual or hostile values."""

import json
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from tests.support.recordings import recording
from tests.support.sure import sure
from tests.support.wire.rows import (
    READ_AT,
    ROW,
    body_facet,
    detail_of,
    error_of,
    json_values,
    page_body,
    patch_of,
    state_of,
)
from tui.api.models import AnyText, Cents, Count, Flag, Text, Time, convert
from tui.api.runs import decode_page, decode_run
from tui.domain.error import RunError
from tui.domain.run import ABSENT, AttemptStatus, Body, Fixed, Precision, State, parse_status


@given(keys=st.dictionaries(st.sampled_from(sorted(recording("014")["response"]["body"]["data"][0])), json_values))
def test_row_accepts_any_value_of_any_other_key(keys: dict[str, Any]) -> None:
    page = decode_page(page_body({**keys, **ROW}), READ_AT)
    assert [patch.id for patch in page.patches] == ["run_1"]
    assert page.unreadable == 0


@pytest.mark.parametrize("key", ["id", "status", "taskIdentifier"])
@pytest.mark.parametrize("value", [None, "", 3, ["x"]])
def test_row_without_an_id_is_counted_and_the_others_kept(key: str, value: Any) -> None:
    page = decode_page(page_body(ROW, ROW | {"id": "run_2", key: value}, ROW | {"id": "run_3"}, None, 7), READ_AT)
    assert [patch.id for patch in page.patches] == ["run_1", "run_3"]
    assert page.unreadable == 3


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ({"updatedAt": "2026-11-24T13:00:02Z", "createdAt": "2026-11-24T13:00:00Z"}, (13, 0, 2)),
        ({"createdAt": "2026-11-24T13:00:00Z"}, (13, 0, 0)),
        ({}, (14, 0, 0)),
    ],
)
def test_state_has_the_latest_known_time(keys: dict[str, str], expected: tuple[int, int, int]) -> None:
    assert state_of(**keys).updated_at == datetime(2026, 11, 24, *expected, tzinfo=UTC)


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ({}, State(READ_AT, Precision.LIST, parse_status("QUEUED"))),
        *(({"durationMs": odd}, State(READ_AT, Precision.LIST, parse_status("QUEUED"))) for odd in (-1, 1e300, "soon")),
        ({"tags": ["a", None, 3, "b"]}, State(READ_AT, Precision.LIST, parse_status("QUEUED"), tags=("a", "b"))),  # type: ignore[arg-type]  # the NewTypes are texts
    ],
)
def test_missing_or_invalid_value_has_its_default(keys: dict[str, Any], expected: State) -> None:
    patch = patch_of(**keys)
    assert (patch.state, patch.fixed) == (expected, Fixed(task="hello"))  # type: ignore[arg-type]  # the NewTypes are texts


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
        ("thrown", RunError("thrown")),  # type: ignore[arg-type]  # Raw
        ({"message": {"code": 3}}, RunError('{"code": 3}')),  # type: ignore[arg-type]  # Raw
        ([1, 2], RunError("[1, 2]")),  # type: ignore[arg-type]  # Raw
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


def test_empty_attempts_leave_the_history_unknown() -> None:
    patch = detail_of(attempts=[], attemptCount=3).patch
    assert (patch.attempts, patch.attempt_count) == (None, 3)
    assert detail_of().patch.attempt_count is None
    assert detail_of(attemptCount=0).patch.attempt_count == 0


@pytest.mark.parametrize(
    ("hint", "valid", "invalid"),
    [
        (Count, {"1": 1, "1.0": 1, "1e3": 1000}, ["1.5", "true", '"1"', "null", "NaN", "1e400", "-1", "9" * 4_000]),
        (Cents, {"1": 1.0, "0.5": 0.5, "-1": -1.0}, ["true", '"1"', "null", "1" + "0" * 400, "NaN", "1e400"]),
        (Flag, {"true": True, "false": False}, ["0", "1", '"true"', "null"]),
        (AnyText, {'""': "", '"1"': "1", '"\\ud800"': "\ud800"}, ["1", "null", "[]"]),
        (Annotated[str, Text(max_chars=2, min_chars=1)], {'"ab"': "ab"}, ['""', '"abc"', "12"]),
        (Time, {'"soon"': None, "7": None, "null": None}, []),
    ],
)
def test_number_is_no_text_and_no_flag(hint: Any, valid: dict[str, object], invalid: list[str]) -> None:
    read = {text: convert(hint, json.loads(text)) for text in valid}
    assert [(value, type(value)) for value in read.values()] == [(value, type(value)) for value in valid.values()]
    for text in invalid:
        with pytest.raises(ValidationError):
            convert(hint, json.loads(text))
