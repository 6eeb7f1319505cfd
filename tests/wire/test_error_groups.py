"""Error groups of a server: the recordings, rows with missing and wrong fields, and the requests for them."""

import json
from typing import Any

import pytest

from tests.support.recording_server import RecordingsApi, Reply
from tests.support.recordings import body_of, recording
from tests.support.wire.requests import ask
from tests.wire.test_recordings import ERROR_GROUPS
from tui.api.client import ERROR_GROUPS_PAGE_SIZE
from tui.api.errors import NotFound, Refused, ServerFault, read_time
from tui.api.facts import decode_error_group, decode_error_groups
from tui.api.models import MAX_CURSOR_CHARS, RowsPage
from tui.domain.facts import ServerErrorGroup
from tui.domain.run import Cursor, ErrorGroupId

ROW: dict[str, Any] = recording("1030")["response"]["body"]["data"][0]
LEAST = {"id": "error_1", "taskIdentifier": "sync", "errorMessage": "boom"}
KNOWN = ErrorGroupId("error_49a734270b075a70")
LISTS = [name for name in ERROR_GROUPS if "-errors-list" in name]
DETAILS = [name for name in ERROR_GROUPS if name not in LISTS]


def page_of(*rows: Any, **pagination: Any) -> RowsPage[ServerErrorGroup]:
    return decode_error_groups(json.dumps({"data": rows, "pagination": pagination}).encode())


def fields_of(group: ServerErrorGroup) -> dict[str, Any]:
    """Return the fields of a list row with the keys of the API."""
    return {
        "id": group.id,
        "fingerprint": group.fingerprint,
        "taskIdentifier": group.task,
        "errorType": group.type,
        "errorMessage": group.message,
        "status": group.status,
        "count": group.count,
        "firstSeen": group.first_seen,
        "lastSeen": group.last_seen,
        "resolvedAt": group.resolved_at,
        "ignoredUntil": group.ignored_until,
    }


def parsed(row: dict[str, Any]) -> dict[str, Any]:
    """Return a recorded row with its times parsed."""
    times = ("firstSeen", "lastSeen", "resolvedAt", "ignoredUntil")
    return {key: read_time(value) if key in times else value for key, value in row.items()}


@pytest.mark.parametrize("name", LISTS)
def test_list_gives_every_field_of_its_groups(name: str) -> None:
    recorded = recording(name)["response"]["body"]
    page = decode_error_groups(body_of(name))
    assert [fields_of(group) for group in page.rows] == [parsed(row) for row in recorded["data"]]
    assert (page.next, page.unreadable, page.is_cut) == (recorded["pagination"].get("next"), 0, False)


@pytest.mark.parametrize("name", DETAILS)
def test_detail_gives_every_field_of_its_group(name: str) -> None:
    recorded = recording(name)["response"]["body"]
    group = decode_error_group(body_of(name))
    assert list(group.versions) == recorded["affectedVersions"]
    assert [group.resolved_by, group.ignored_reason, group.ignored_by] == [
        recorded["resolvedBy"],
        recorded["ignoredReason"],
        recorded["ignoredByUserId"],
    ]
    listed = fields_of(group)
    assert listed == {key: value for key, value in parsed(recorded).items() if key in listed}


@pytest.mark.parametrize("key", sorted(ROW.keys() - LEAST.keys()))
@pytest.mark.parametrize("value", ["absent", None, [], {"a": 1}, True])
def test_wrong_field_is_unknown_and_the_rest_is_read(key: str, value: Any) -> None:
    row = {name: each for name, each in ROW.items() if name != key} | ({} if value == "absent" else {key: value})
    (group,) = page_of(row).rows
    assert fields_of(group) == parsed(ROW) | {key: None}


def test_row_without_its_identity_is_counted_as_unreadable() -> None:
    rows: list[Any] = [{name: each for name, each in LEAST.items() if name != key} for key in LEAST]
    rows += [LEAST | {key: None} for key in LEAST]
    rows += [None, 7, [], LEAST | {"id": ""}, LEAST | {"id": "x" * 10_000}]
    page = page_of(*rows, LEAST)
    assert [group.id for group in page.rows] == ["error_1"]
    assert page.unreadable == len(rows)


def test_page_with_too_many_groups_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tui.api.facts.MAX_GROUPS", 2)
    page = page_of(LEAST, LEAST, LEAST)
    assert (len(page.rows), page.is_cut) == (2, True)


def test_cursor_that_cannot_be_sent_back_ends_the_list() -> None:
    for text in ("x" * (MAX_CURSOR_CHARS + 1), "\ud800", "a\nb", "é"):
        assert page_of(LEAST, next=text).next is None
    assert page_of(LEAST, next="x" * MAX_CURSOR_CHARS).next is not None


def test_client_lists_pages_and_reads_a_group(recordings_api: RecordingsApi) -> None:
    cursor = recording("2703")["response"]["body"]["pagination"]["next"]
    recordings_api.answer(Reply(body=body_of("2703")))
    first = ask(recordings_api.url, lambda client: client.list_error_groups("7d"))
    assert (len(first.rows), first.next) == (3, cursor)
    recordings_api.answer(Reply(body=body_of("1030")))
    ask(recordings_api.url, lambda client: client.list_error_groups("7d", Cursor(cursor)))
    recordings_api.answer(Reply(body=body_of("1020")))
    assert ask(recordings_api.url, lambda client: client.read_error_group(KNOWN)).id == KNOWN
    size = {"filter[period]": "7d", "page[size]": str(ERROR_GROUPS_PAGE_SIZE)}
    assert [(each.path, each.query) for each in recordings_api.requests] == [
        ("/api/v1/errors", size),
        ("/api/v1/errors", size | {"page[after]": cursor}),
        (f"/api/v1/errors/{KNOWN}", {}),
    ]


def test_detail_of_another_group_is_a_fault(recordings_api: RecordingsApi) -> None:
    recordings_api.answer(Reply(body=body_of("1020")))
    with pytest.raises(ServerFault, match="about another error group"):
        ask(recordings_api.url, lambda client: client.read_error_group(ErrorGroupId("error_1")))


def test_impossible_requests_are_never_sent(recordings_api: RecordingsApi) -> None:
    with pytest.raises(Refused, match="cannot read the period"):
        ask(recordings_api.url, lambda client: client.list_error_groups("soon"))
    with pytest.raises(NotFound, match="is not an id"):
        ask(recordings_api.url, lambda client: client.read_error_group(ErrorGroupId("..")))
    assert recordings_api.requests == []


@pytest.mark.parametrize("cursor", ["", "\ud800", "a b\x00", "x" * 60_000], ids=["empty", "surrogate", "nul", "long"])
def test_impossible_cursor_is_never_sent(recordings_api: RecordingsApi, cursor: str) -> None:
    with pytest.raises(Refused, match="cannot read the cursor"):
        ask(recordings_api.url, lambda client: client.list_error_groups("1h", Cursor(cursor)))
    assert recordings_api.requests == []
