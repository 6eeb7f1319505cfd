"""Rows of the list become patches, also with absent, null, unusual or hostile values."""

import sys
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.recordings import recording
from tests.support.sure import sure
from tests.support.wire.rows import (
    READ_AT,
    ROW,
    json_values,
    page_body,
    patch_of,
    state_of,
)
from tui.api.runs import decode_page
from tui.domain.run import Fixed, Precision, RunStatus, Stamp, State, parse_status
from tui.domain.update import RunPatch


def test_list_row_becomes_a_patch_with_every_field() -> None:
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
            depth=1,
            is_test=True,
            environment="dev",  # type: ignore[arg-type]  # the NewTypes are texts
            version="20261124.1",  # type: ignore[arg-type]  # the NewTypes are texts
            ttl="10m",
            idempotency_key="once",  # type: ignore[arg-type]  # the NewTypes are texts
            region="eu",  # type: ignore[arg-type]  # the NewTypes are texts
            task_kind="STANDARD",
        ),
        state=State(
            updated_at=updated_at,
            precision=Precision.LIST,
            status=parse_status("EXECUTING"),
            started_at=datetime(2026, 11, 24, 13, 0, 1, tzinfo=UTC),
            delayed_until=datetime(2026, 11, 24, 13, 0, 0, 900_000, tzinfo=UTC),
            compute=timedelta(seconds=1.5),
            cost_cents=0.0125,
            base_cost_cents=2.0,
            tags=("a", "b:c"),  # type: ignore[arg-type]  # the NewTypes are texts
        ),
        metadata=(Stamp(updated_at, Precision.LIST, READ_AT), {"progress": 1}),
        created_at=datetime(2026, 11, 24, 13, 0, tzinfo=UTC),
    )
    assert patch.id == "run_1"


def test_rows_of_two_pages_share_equal_values() -> None:
    first, second = (patch_of(tags=["a", "b"], baseCostInCents=0.0025, ttl="10m", depth=1) for _ in range(2))
    assert first.state is not None
    assert second.state is not None
    assert first.state.tags is second.state.tags
    assert first.state.base_cost_cents is second.state.base_cost_cents
    assert first.fixed is second.fixed


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
        ({"updatedAt": "yesterday", "createdAt": "2026-11-24T13:00:00Z"}, (13, 0, 0)),
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


def test_unknown_status_keeps_its_word_and_is_final_with_a_finish_time() -> None:
    statuses = [state_of(status="NEW").status, state_of(status="NEW", finishedAt="2026-11-24T13:00:00Z").status]
    assert [status.word for status in statuses] == ["NEW", "NEW"]
    assert [status.canonical for status in statuses] == [RunStatus.QUEUED, RunStatus.COMPLETED_WITH_ERRORS]


@pytest.mark.parametrize("metadata", [None, [], "text", 3, {}])
def test_metadata_that_is_not_an_object_is_empty(metadata: Any) -> None:
    assert sure(patch_of(metadata=metadata).metadata)[1] == {}


def test_tags_are_shared_but_not_interned() -> None:
    """Each interned text takes a place in Python's table until that is full."""
    number = 70317
    first, second = (state_of(tags=[f"customer:cus_{number}", other]) for other in ("a", "b"))
    assert first.tags[0] is second.tags[0]
    same = f"customer:cus_{number}"
    assert sys.intern(same) is same


def test_page_has_cursors_only_to_existing_pages() -> None:
    page = decode_page(page_body(pagination={"next": "abc"}), READ_AT)
    assert (page.next, page.patches) == ("abc", ())
    assert decode_page(page_body(pagination=None), READ_AT).next is None
    assert decode_page(page_body(pagination={"next": ""}), READ_AT).next is None
