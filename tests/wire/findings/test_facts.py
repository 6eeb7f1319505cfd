"""The facts of the wall and the server's error groups: recordings, wrong fields, and the requests for them."""

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.support.recording_server import RecordingsApi, Reply
from tests.support.recordings import body_of, recording
from tests.support.wire.requests import ask
from tests.wire.test_recordings import ERROR_GROUPS
from tui.api.errors import MAX_PAGE_ROWS, Limits, Refused, ServerFault, read_time
from tui.api.facts import DEPLOYMENTS, ERROR_GROUP, LIMITS, QUEUE, QUEUE_METRICS, QUEUES, SCHEDULES, TOKENS
from tui.api.facts import ERROR_GROUPS as GROUPS
from tui.api.models import MAX_CURSOR_CHARS
from tui.api.queries import RunCounts
from tui.domain.facts import ConcurrencyLimit, Queue, Schedule, ServerErrorGroup
from tui.domain.run import TaskId
from tui.domain.text import Raw
from tui.sync.fact_readers import schedule_of

SECRET = "c0ffee5ecre7"
CALLBACK = f"https://trigger.example.com/api/v1/waitpoints/tokens/waitpoint_1/callback/{SECRET}"
Decode = Callable[[bytes, Limits], Any]

LISTS: dict[str, tuple[Decode, dict[str, Any]]] = {
    "queues": (QUEUES.decode, {"id": "queue_1", "name": "sync", "type": "task"}),
    "schedules": (SCHEDULES.decode, {"id": "sched_1", "task": "sync", "generator": {"expression": "0 3 * * *"}}),
    "tokens": (TOKENS.decode, {"id": "waitpoint_1", "status": "WAITING", "createdAt": "2026-11-26T01:00:00Z"}),
    "deployments": (
        DEPLOYMENTS.decode,
        {"id": "deployment_1", "version": "20261124.1", "status": "DEPLOYED", "deployedAt": "2026-11-26T01:00:00Z"},
    ),
    "error groups": (GROUPS.decode, {"id": "error_1", "taskIdentifier": "sync", "errorMessage": "boom"}),
}
"""Each list: how it is decoded, and a row with the fields that it needs."""


def listed(*rows: Any, **more: Any) -> bytes:
    return json.dumps({"data": rows} | more).encode()


def at(text: str) -> datetime:
    return datetime.fromisoformat(f"2026-11-{text}").replace(tzinfo=UTC)


def test_recorded_queues_have_their_numbers() -> None:
    rows = recording("614")["response"]["body"]["data"]
    page = QUEUES.decode(body_of("614"), Limits())
    assert [(each.id, each.running, each.queued, each.limit) for each in page.rows] == [
        (row["id"], row["running"], row["queued"], row["concurrencyLimit"]) for row in rows
    ]
    stored = {row["name"]: f"task/{row['name']}" if row["type"] == "task" else row["name"] for row in rows}
    assert {str(each.name): each.stored_name for each in page.rows} == stored
    assert set(stored) != set(stored.values())
    assert (page.page_count, page.unreadable) == (1, 0)
    assert QUEUES.decode(body_of("601"), Limits()).page_count == 13


def test_recorded_schedules_have_their_due_times() -> None:
    every_minute, nightly = SCHEDULES.decode(body_of("2800"), Limits()).rows
    assert schedule_of(nightly) == Schedule(
        "sched_thr8ve7b8spgauso5osxc",
        TaskId("nightly-report"),
        Raw("0 3 * * *"),
        Raw("Europe/Berlin"),
        is_active=True,
        next_at=at("27T02:00"),
        next_effective_at=at("27T02:00:05.093"),
    )
    assert every_minute.starts_at == at("26T02:23:07.028")
    assert every_minute.environments == ("DEVELOPMENT",)
    shown = [SCHEDULES.is_shown(nightly, kind) for kind in ("DEVELOPMENT", None, "PRODUCTION")]
    assert shown == [True, True, False]


def test_recorded_metrics_of_zeros_are_not_measured() -> None:
    read = QUEUE_METRICS.decode(body_of("1063"), Limits())
    assert read.depths == (0,) * 12
    assert not read.is_measured
    body = json.loads(body_of("1063")) | {"startedCount": 3, "waitMs": {"p95": 1500}}
    read = QUEUE_METRICS.decode(json.dumps(body).encode(), Limits())
    assert (read.is_measured, read.started, read.wait_p95) == (True, 3, timedelta(seconds=1.5))
    with pytest.raises(ServerFault, match="metrics of the queue"):
        QUEUE_METRICS.decode(json.dumps(body | {"bucketIntervalMs": None}).encode(), Limits())


@pytest.mark.parametrize("name", LISTS)
def test_row_without_its_identity_is_dropped_and_counted(name: str) -> None:
    decode, row = LISTS[name]
    broken: list[Any] = [{each: value for each, value in row.items() if each != key} for key in row]
    broken = [each for each in broken if name != "deployments" or "deployedAt" in each]
    broken += [None, 7, [], *({**row, key: []} for key in row if key != "deployedAt")]
    page = decode(listed(*broken, row), Limits())
    assert (len(page.rows), page.unreadable) == (1, len(broken))


@pytest.mark.parametrize("name", LISTS)
def test_long_list_is_cut_with_a_note(name: str) -> None:
    decode, row = LISTS[name]
    limits = Limits()
    page = decode(listed(*[row] * (MAX_PAGE_ROWS + 5)), limits)
    assert len(page.rows) <= MAX_PAGE_ROWS
    assert len(limits.notes) == 1


def test_wrong_optional_field_is_unknown() -> None:
    wrongs: tuple[Any, ...] = (None, [], {"a": 1}, -1, "x" * 5)
    for wrong in wrongs:
        row = LISTS["queues"][1] | {"running": wrong, "queued": wrong, "concurrencyLimit": wrong, "paused": wrong}
        (queue,) = QUEUES.decode(listed(row), Limits()).rows
        assert queue == Queue("queue_1", Raw("sync"), is_task=True)
        row = LISTS["schedules"][1] | {"active": wrong, "nextRun": wrong, "nextRunEffectiveAt": wrong, "type": wrong}
        (schedule,) = SCHEDULES.decode(listed(row), Limits()).rows
        assert (schedule.is_active, schedule.next_at, schedule.starts_at) == (False, None, None)
        row = LISTS["tokens"][1] | {"timeoutAt": wrong, "tags": wrong if wrong != [] else ["a", 3, None]}
        (token,) = TOKENS.decode(listed(row), Limits()).rows
        assert (token.times_out_at, token.tags) == (None, () if wrong != [] else (Raw("a"),))


def test_callback_is_in_no_error_and_no_note(recordings_api: RecordingsApi) -> None:
    notes: list[str] = []

    async def read(client: Any) -> Any:
        client.on_truncated = notes.append
        return await client.read_rows(TOKENS)

    for body in (CALLBACK, {"error": CALLBACK}, {"error": {"url": CALLBACK}}, f"<html>{CALLBACK}", [CALLBACK]):
        for status in (200, 400, 403, 500):
            recordings_api.answer(Reply(status, body))
            with pytest.raises((Refused, ServerFault)) as caught:
                ask(recordings_api.url, read)
            assert SECRET not in str(caught.value)
    row = LISTS["tokens"][1] | {"url": CALLBACK, "tags": ["x" * 5_000]}
    recordings_api.answer(Reply(body={"data": [row] * (MAX_PAGE_ROWS + 1)}))
    page = ask(recordings_api.url, read)
    assert SECRET not in repr(page)
    assert notes
    assert SECRET not in repr(notes)


def test_rate_limit_of_deployments_is_not_that_of_the_rest(recordings_api: RecordingsApi) -> None:
    seen: list[int] = []

    async def read(client: Any) -> None:
        await client.read_rows(DEPLOYMENTS)
        await client.read_rows(QUEUES)

    recordings_api.answer("824", path="/api/v1/deployments")
    recordings_api.answer("614", path="/api/v1/queues")
    ask(recordings_api.url, read, on_rate_limit=lambda rate: seen.append(rate.limit))
    assert seen == [750]


def test_limits_are_read_as_the_package_describes_them() -> None:
    bound = {"current": 5, "base": 9, "override": 5, "overriddenAt": None}
    numbers = {"perKey": bound, "total": bound, "running": 5, "queued": 3, "paused": True}
    odd = {"id": "climit_2", "name": "task/sync", "total": bound | {"current": None}, "running": "5"}
    page = LIMITS.decode(listed({"id": "climit_1", "name": "payments"} | numbers, odd, {"id": "climit_3"}, 7), Limits())
    known = (ConcurrencyLimit(Raw("payments"), 5, 3, 5, is_paused=True), ConcurrencyLimit(Raw("task/sync")))
    assert page.rows == known
    row = {"id": "queue_1", "name": "sync", "type": "task", "concurrencyLimit": None}
    for version, is_v2 in (("V2", True), ("V1", False), (7, False)):
        assert QUEUE.decode(json.dumps(row | {"version": version}).encode(), Limits()).is_v2 is is_v2


GROUP_LISTS = [name for name in ERROR_GROUPS if "-errors-list" in name]
NOT_KEPT = {"ignoredAt", "ignoredUntilOccurrenceRate", "ignoredUntilTotalOccurrences", "resolvedInVersion"}


RENAMED = {
    "taskIdentifier": "task",
    "errorType": "type",
    "errorMessage": "message",
    "affectedVersions": "versions",
    "ignoredByUserId": "ignored_by",
}


def assert_has_all_fields(group: ServerErrorGroup, row: dict[str, Any]) -> None:
    """Compare a group with the recorded row that it was made of."""
    for key, value in row.items():
        name = RENAMED.get(key) or re.sub("[A-Z]", lambda letter: f"_{letter[0].lower()}", key)
        is_time = key in {"firstSeen", "lastSeen", "resolvedAt", "ignoredUntil"}
        expected = read_time(value) if is_time else tuple(value) if isinstance(value, list) else value
        if key not in NOT_KEPT:
            assert getattr(group, name) == expected, key


@pytest.mark.parametrize("name", ERROR_GROUPS)
def test_error_group_has_every_recorded_field(name: str) -> None:
    recorded = recording(name)["response"]["body"]
    if name in GROUP_LISTS:
        page = GROUPS.decode(body_of(name), Limits())
        for group, row in zip(page.rows, recorded["data"], strict=True):
            assert_has_all_fields(group, row)
        assert (page.next, page.unreadable, page.is_cut) == (recorded["pagination"].get("next"), 0, False)
    else:
        assert_has_all_fields(ERROR_GROUP.decode(body_of(name), Limits()), recorded)


def test_cursor_that_cannot_be_sent_back_ends_the_list() -> None:
    for text, is_kept in (
        ("x" * MAX_CURSOR_CHARS, True),
        ("x" * (MAX_CURSOR_CHARS + 1), False),
        ("\ud800", False),
        ("a\nb", False),
        ("é", False),
    ):
        assert (GROUPS.decode(listed(pagination={"next": text}), Limits()).next is not None) is is_kept


@pytest.mark.parametrize(
    ("ask_for", "words"),
    [
        (lambda client: client.read_row(ERROR_GROUP, ".."), "is not an id"),
        (lambda client: client.read_row(QUEUE_METRICS, "..", type="task", period="1h"), "is not an id"),
        (lambda client: client.query(RunCounts("soon")), "cannot read the period"),
    ],
)
def test_impossible_request_is_never_sent(recordings_api: RecordingsApi, ask_for: Any, words: str) -> None:
    with pytest.raises(Refused, match=words):
        ask(recordings_api.url, ask_for)
    assert recordings_api.requests == []
