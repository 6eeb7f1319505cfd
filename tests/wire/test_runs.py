"""Rows and details become patches: what is absent, null, odd or hostile too."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.recordings import body_of, recording
from tui.domain.attempt import AttemptStatus
from tui.domain.error import RunError
from tui.domain.run import ABSENT, Body, Fixed, Precision, Stamp, State
from tui.domain.status import RunStatus, read_status
from tui.domain.update import RunPatch
from tui.wire.errors import ServerFault
from tui.wire.runs import RunAnswer, decode_page, decode_run, read_time

READ_AT = datetime(2026, 11, 24, 14, 0, tzinfo=UTC)
ROW: dict[str, Any] = {"id": "run_1", "status": "QUEUED", "taskIdentifier": "hello"}

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def page_body(*rows: Any, **keys: Any) -> bytes:
    return json.dumps({"data": list(rows), **keys}).encode()


def patch_of(**keys: Any) -> RunPatch:
    (patch,) = decode_page(page_body(ROW | keys), READ_AT).patches
    return patch


def state_of(**keys: Any) -> State:
    state = patch_of(**keys).state
    assert state is not None
    return state


def fixed_of(**keys: Any) -> Fixed:
    fixed = patch_of(**keys).fixed
    assert fixed is not None
    return fixed


def detail_of(**keys: Any) -> RunAnswer:
    return decode_run(json.dumps(ROW | keys).encode(), READ_AT)


def error_of(error: Any) -> RunError | None:
    facet = detail_of(error=error).patch.error
    assert facet is not None
    return facet[1]


def body_facet(answer: RunAnswer) -> Body:
    assert answer.patch.body is not None
    return answer.patch.body[1]


def test_a_list_row_becomes_a_patch_with_every_field_in_its_place() -> None:
    patch = patch_of(
        status="EXECUTING",
        version="20261124.1",
        createdAt="2026-11-24T13:00:00.000Z",
        updatedAt="2026-11-24T13:00:02.500Z",
        startedAt="2026-11-24T13:00:01.000Z",
        delayedUntil="2026-11-24T13:00:00.900Z",
        isTest=True,
        ttl="10m",
        env={"id": "e", "name": "dev", "user": "Local Developer"},
        tags=["a", "b:c"],
        costInCents=0.0125,
        baseCostInCents=2,
        durationMs=1500,
        depth=1,
        taskKind="STANDARD",
        region="eu",
        idempotencyKey="once",
        metadata={"progress": 1},
        isExecuting=False,
    )
    updated_at = datetime(2026, 11, 24, 13, 0, 2, 500_000, tzinfo=UTC)
    assert patch == RunPatch(
        id=patch.id,
        read_at=READ_AT,
        fixed=Fixed(
            task="hello",  # type: ignore[arg-type]  # the NewTypes are texts
            created_at=datetime(2026, 11, 24, 13, 0, tzinfo=UTC),
            depth=1,
            is_test=True,
            environment="dev",  # type: ignore[arg-type]  # likewise
            version="20261124.1",  # type: ignore[arg-type]  # likewise
            ttl="10m",
            idempotency_key="once",  # type: ignore[arg-type]  # likewise
            region="eu",  # type: ignore[arg-type]  # likewise
            task_kind="STANDARD",
        ),
        state=State(
            updated_at=updated_at,
            precision=Precision.LIST,
            status=read_status("EXECUTING"),
            started_at=datetime(2026, 11, 24, 13, 0, 1, tzinfo=UTC),
            delayed_until=datetime(2026, 11, 24, 13, 0, 0, 900_000, tzinfo=UTC),
            compute=timedelta(seconds=1.5),
            cost_cents=0.0125,
            base_cost_cents=2.0,
            tags=("a", "b:c"),  # type: ignore[arg-type]  # likewise
        ),
        metadata=(Stamp(updated_at, Precision.LIST, READ_AT), {"progress": 1}),
    )
    assert patch.id == "run_1"


def test_a_row_needs_no_more_than_id_status_and_task() -> None:
    assert patch_of().fixed == Fixed(task="hello")  # type: ignore[arg-type]  # the NewTypes are texts
    assert state_of() == State(READ_AT, Precision.LIST, read_status("QUEUED"))


@given(keys=st.dictionaries(st.sampled_from(sorted(recording("014")["response"]["body"]["data"][0])), json_values))
def test_a_row_survives_any_value_of_any_other_key(keys: dict[str, Any]) -> None:
    page = decode_page(page_body({**keys, **ROW}), READ_AT)
    assert [patch.id for patch in page.patches] == ["run_1"]
    assert page.unreadable == 0


@pytest.mark.parametrize("key", ["id", "status", "taskIdentifier"])
@pytest.mark.parametrize("value", [None, "", 3, ["x"]])
def test_a_row_that_names_no_run_is_counted_and_the_others_are_kept(key: str, value: Any) -> None:
    page = decode_page(page_body(ROW, ROW | {"id": "run_2", key: value}, ROW | {"id": "run_3"}, None, 7), READ_AT)
    assert [patch.id for patch in page.patches] == ["run_1", "run_3"]
    assert page.unreadable == 3


@pytest.mark.parametrize("row", recording("014")["response"]["body"]["data"][:3])
def test_null_means_the_same_as_an_absent_key(row: dict[str, Any]) -> None:
    nulls = dict.fromkeys(set(row) - set(ROW)) | {key: row[key] for key in ROW}
    without = {key: row[key] for key in ROW}
    assert decode_page(page_body(nulls), READ_AT) == decode_page(page_body(without), READ_AT)


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ({"updatedAt": "2026-11-24T13:00:02Z", "createdAt": "2026-11-24T13:00:00Z"}, (13, 0, 2)),
        ({"createdAt": "2026-11-24T13:00:00Z"}, (13, 0, 0)),
        ({"updatedAt": "yesterday", "createdAt": "2026-11-24T13:00:00Z"}, (13, 0, 0)),
        ({}, (14, 0, 0)),
    ],
)
def test_a_state_is_as_new_as_its_update_or_its_creation_or_the_answer(
    keys: dict[str, str], expected: tuple[int, int, int]
) -> None:
    assert state_of(**keys).updated_at == datetime(2026, 11, 24, *expected, tzinfo=UTC)


@pytest.mark.parametrize(
    ("word", "canonical"),
    [
        ("DEQUEUED", RunStatus.EXECUTING),
        ("FROZEN", RunStatus.WAITING_TO_RESUME),
        ("WAITING", RunStatus.WAITING_TO_RESUME),
        ("REATTEMPTING", RunStatus.REATTEMPTING),
        ("WAITING_FOR_DEPLOY", RunStatus.WAITING_FOR_DEPLOY),
        ("COMPLETED_SUCCESSFULLY", RunStatus.COMPLETED_SUCCESSFULLY),
        ("SOMETHING_NEW", RunStatus.QUEUED),
    ],
)
def test_a_status_of_any_vocabulary_keeps_its_word(word: str, canonical: RunStatus) -> None:
    status = state_of(status=word).status
    assert (status.word, status.canonical) == (word, canonical)


def test_an_unknown_status_with_a_finish_time_is_an_end() -> None:
    status = state_of(status="SOMETHING_NEW", finishedAt="2026-11-24T13:00:00Z").status
    assert status.canonical is RunStatus.COMPLETED_WITH_ERRORS


@pytest.mark.parametrize("duration", [-1, 1e300, "soon", None, [1]])
def test_a_duration_that_is_none_counts_as_zero(duration: Any) -> None:
    assert state_of(durationMs=duration).compute == timedelta()


def test_a_tag_that_is_no_text_is_left_out_and_the_others_stay() -> None:
    assert state_of(tags=["a", None, 3, "b"]).tags == ("a", "b")


@pytest.mark.parametrize("metadata", [None, [], "text", 3, {}])
def test_metadata_that_is_no_object_is_none(metadata: Any) -> None:
    facet = patch_of(metadata=metadata).metadata
    assert facet is not None
    assert facet[1] == {}


def test_texts_that_runs_repeat_are_one_object() -> None:
    rows = [ROW | {"id": f"run_{index}", "version": "20261124.1", "region": "eu"} for index in range(2)]
    first, second = (patch.fixed for patch in decode_page(page_body(*rows), READ_AT).patches)
    assert first is not None
    assert second is not None
    assert first.task is second.task
    assert first.version is second.version
    assert first.region is second.region


def test_a_page_gives_its_cursors_only_where_there_are_pages() -> None:
    page = decode_page(page_body(pagination={"next": "abc", "previous": None}), READ_AT)
    assert (page.next, page.previous, page.patches) == ("abc", None, ())
    assert decode_page(page_body(pagination=None), READ_AT).next is None
    assert decode_page(page_body(pagination={"next": ""}), READ_AT).next is None


@pytest.mark.parametrize(
    "body",
    [b"", b"null", b"[]", b"{}", b'{"data": null}', b'{"data": {}}', b'{"data": [', b"<html>", b"\xff\xfe", b'"x"'],
)
def test_what_is_no_page_and_no_run_blames_the_server(body: bytes) -> None:
    for decode in (decode_page, decode_run):
        with pytest.raises(ServerFault) as caught:
            decode(body, READ_AT)
        assert caught.value.status == 200


@given(body=st.binary(max_size=60) | json_values.map(lambda value: json.dumps(value).encode()))
def test_any_bytes_are_an_answer_or_a_fault_of_the_server(body: bytes) -> None:
    for decode in (decode_page, decode_run):
        try:
            decode(body, READ_AT)
        except ServerFault:
            continue


def test_lone_surrogates_are_kept_as_they_came() -> None:
    odd = "a\ud800b"
    answer = detail_of(payload={"text": odd}, output=odd, metadata={odd: 1}, tags=[odd], error={"message": odd})
    assert answer.patch.metadata is not None
    assert answer.patch.metadata[1] == {odd: 1}
    assert body_facet(answer) == Body({"text": odd}, odd)
    assert answer.patch.state is not None
    assert answer.patch.state.tags == (odd,)
    assert error_of({"message": odd}) == RunError(odd)  # type: ignore[arg-type]  # Raw
    assert decode_page(page_body(ROW | {"metadata": {"k": odd}}, ROW | {"id": 3}), READ_AT).unreadable == 1


def test_values_nested_deeper_than_the_fast_reader_goes_are_kept() -> None:
    deep: Any = "end"
    for _ in range(400):
        deep = [deep]
    assert body_facet(detail_of(payload=deep)).payload == deep


def test_values_nested_without_end_blame_the_server() -> None:
    body = json.dumps(ROW)[:-1].encode() + b', "payload": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"
    with pytest.raises(ServerFault):
        decode_run(body, READ_AT)


def test_a_number_too_long_for_python_is_no_reason_to_lose_the_run() -> None:
    body = json.dumps(ROW)[:-1].encode() + b', "payload": ' + b"1" * 5_000 + b"}"
    assert body_facet(decode_run(body, READ_AT)).payload == float("inf")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-11-24T13:46:44.988Z", datetime(2026, 11, 24, 13, 46, 44, 988_000, tzinfo=UTC)),
        ("2026-11-24T15:46:44+02:00", datetime(2026, 11, 24, 13, 46, 44, tzinfo=UTC)),
        ("2026-11-24T13:46:44", datetime(2026, 11, 24, 13, 46, 44, tzinfo=UTC)),
        ("+275760-09-13T00:00:00.000Z", None),
        ("9999-12-31T23:59:59-05:00", None),
        ("0001-01-01T00:00:00+05:00", None),
        ("", None),
        ("soon", None),
        (None, None),
    ],
)
def test_a_time_is_utc_or_none(text: str | None, expected: datetime | None) -> None:
    time = read_time(text)
    assert time == expected
    assert time is None or time.tzinfo is UTC


def test_a_payload_of_null_is_not_an_absent_one() -> None:
    assert body_facet(detail_of(payload=None)) == Body(payload=None)
    assert body_facet(detail_of()) == Body(ABSENT, ABSENT)
    assert body_facet(detail_of(output=0)).output == 0


def test_large_bodies_come_as_addresses() -> None:
    body = body_facet(decode_run(body_of("119"), READ_AT))
    assert (body.payload, body.output) == (ABSENT, ABSENT)
    assert body.payload_url is not None
    assert body.payload_url.startswith("https://object-store.example.com/packets/")
    assert body.output_url is not None


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (None, None),
        ({"name": "E", "message": "m", "stackTrace": "s"}, RunError("m", "E", "s")),  # type: ignore[arg-type]  # Raw
        ({"message": "m", "stack": "s"}, RunError("m", None, "s")),  # type: ignore[arg-type]  # likewise
        ({}, RunError("")),  # type: ignore[arg-type]  # likewise
        ("thrown", RunError("thrown")),  # type: ignore[arg-type]  # likewise
        ({"message": {"code": 3}}, RunError('{"code": 3}')),  # type: ignore[arg-type]  # likewise
        ([1, 2], RunError("[1, 2]")),  # type: ignore[arg-type]  # likewise
        ({"name": 3, "message": None, "stackTrace": []}, RunError("")),  # type: ignore[arg-type]  # likewise
    ],
)
def test_an_error_is_read_in_every_form(error: Any, expected: RunError | None) -> None:
    assert error_of(error) == expected


def test_causes_of_newer_servers_are_kept_in_order() -> None:
    causes = [{"name": "A", "message": "1", "stackTrace": "s"}, {"message": "2"}, None, "3"]
    error = error_of({"name": "E", "message": "m", "causes": causes})
    assert error is not None
    assert [(cause.name, cause.message, cause.stack) for cause in error.causes] == [
        ("A", "1", "s"),
        (None, "2", None),
        (None, "3", None),
    ]


def test_a_chain_of_causes_ends_somewhere() -> None:
    error = error_of({"message": "m", "causes": [{"message": "again", "causes": [{"message": "x"}]}] * 1_000})
    assert error is not None
    assert len(error.causes) == 16
    assert error.causes[0].causes == ()


def test_the_relatives_of_a_run_know_their_place() -> None:
    answer = decode_run(body_of("142"), READ_AT)
    root, *children = answer.related
    assert answer.patch.fixed is not None
    assert (answer.patch.fixed.root_id, answer.patch.fixed.parent_id) == (root.id, root.id)
    assert root.fixed is not None
    assert (root.fixed.root_id, root.fixed.parent_id, root.fixed.depth) == (None, None, 0)
    for child in children:
        assert child.fixed is not None
        assert (child.fixed.root_id, child.fixed.parent_id, child.fixed.depth) == (root.id, answer.patch.id, 2)
        assert child.state is not None
        assert child.state.precision is Precision.LIST
        assert child.error is None


def test_the_parent_of_a_grandchild_has_the_same_root() -> None:
    root, parent = decode_run(body_of("143"), READ_AT).related
    assert parent.fixed is not None
    assert parent.fixed.root_id == root.id
    assert parent.fixed.parent_id is None


def test_a_root_names_no_root_and_its_children_name_it() -> None:
    answer = decode_run(body_of("141"), READ_AT)
    assert answer.patch.fixed is not None
    assert (answer.patch.fixed.root_id, answer.patch.fixed.parent_id) == (None, None)
    assert {child.fixed.root_id for child in answer.related if child.fixed} == {answer.patch.id}


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
def test_the_children_are_known_only_when_they_were_listed(related: Any, *, expected: bool) -> None:
    answer = detail_of(relatedRuns=related)
    assert answer.patch.has_children is expected
    assert answer.related == ()


def test_the_schedule_and_the_batch_of_a_run_are_kept() -> None:
    schedule = {"id": "sched_1", "generator": {"type": "CRON", "expression": "0 * * * *"}}
    fixed = detail_of(schedule=schedule, batchId="batch_1", triggerFunction="batchTrigger").patch.fixed
    assert fixed is not None
    assert (fixed.schedule, fixed.batch_id, fixed.trigger_function) == (schedule, "batch_1", "batchTrigger")


def test_attempts_of_an_older_server_become_a_history() -> None:
    answer = detail_of(
        attempts=[
            {
                "id": "attempt_2",
                "status": "EXECUTING",
                "startedAt": "2026-11-24T13:00:05Z",
            },
            {
                "id": "attempt_1",
                "status": "FAILED",
                "startedAt": "2026-11-24T13:00:01Z",
                "completedAt": "2026-11-24T13:00:02Z",
                "error": {"name": "Error", "message": "no", "stackTrace": "Error: no\n    at x"},
            },
        ]
    )
    assert answer.patch.attempts is not None
    stamp, history = answer.patch.attempts
    assert stamp.precision is Precision.DETAIL
    first, second = history.attempts
    assert (first.id, first.number, first.status) == ("attempt_1", 1, AttemptStatus.FAILED)
    assert first.took == timedelta(seconds=1)
    assert first.error == RunError("no", "Error", "Error: no\n    at x")  # type: ignore[arg-type]  # Raw
    assert (second.id, second.number, second.status, second.completed_at) == (
        "attempt_2",
        2,
        AttemptStatus.EXECUTING,
        None,
    )
    assert answer.patch.attempt_count == 2


@pytest.mark.parametrize(
    ("word", "ended", "expected"),
    [
        ("PENDING", False, AttemptStatus.EXECUTING),
        ("PAUSED", False, AttemptStatus.EXECUTING),
        ("EXECUTING", False, AttemptStatus.EXECUTING),
        ("COMPLETED", True, AttemptStatus.COMPLETED),
        ("FAILED", True, AttemptStatus.FAILED),
        ("CANCELED", True, AttemptStatus.CANCELED),
        ("CANCELLED", True, AttemptStatus.CANCELED),
        ("NEW", True, AttemptStatus.FAILED),
        ("NEW", False, AttemptStatus.EXECUTING),
        (None, False, AttemptStatus.EXECUTING),
    ],
)
def test_the_status_of_an_attempt_is_one_of_four(word: str | None, *, ended: bool, expected: AttemptStatus) -> None:
    attempt = {"status": word, "completedAt": "2026-11-24T13:00:02Z" if ended else None}
    patch = detail_of(attempts=[attempt]).patch
    assert patch.attempts is not None
    assert [one.status for one in patch.attempts[1].attempts] == [expected]


def test_today_s_empty_attempts_say_nothing_of_them() -> None:
    patch = detail_of(attempts=[], attemptCount=3).patch
    assert (patch.attempts, patch.attempt_count) == (None, 3)
    assert detail_of().patch.attempt_count is None
    assert detail_of(attemptCount=0).patch.attempt_count == 0
