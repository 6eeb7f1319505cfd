"""The facts of the wall: the recordings, rows with missing and wrong fields, and the requests for them."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.support.recording_server import RecordingsApi, Reply
from tests.support.recordings import body_of, recording
from tests.support.wire.requests import ask
from tui.api.errors import MAX_PAGE_ROWS, Limits, NotFound, Refused, ServerFault
from tui.api.facts import (
    DEPLOYMENTS,
    LIMITS,
    QUEUES,
    SCHEDULE_RUNS,
    SCHEDULES,
    TOKENS,
    decode_queue,
    decode_queue_metrics,
)
from tui.domain.facts import ConcurrencyLimit, Queue, Schedule, WaitToken
from tui.domain.run import TaskId
from tui.domain.text import Raw

SECRET = "c0ffee5ecre7"
CALLBACK = f"https://trigger.example.com/api/v1/waitpoints/tokens/waitpoint_1/callback/{SECRET}"
Decode = Callable[[bytes, Limits], Any]

LISTS: dict[str, tuple[Decode, str, dict[str, Any]]] = {
    "queues": (QUEUES.decode, "rows", {"id": "queue_1", "name": "sync", "type": "task"}),
    "schedules": (
        SCHEDULES.decode,
        "rows",
        {"id": "sched_1", "task": "sync", "generator": {"expression": "0 3 * * *"}},
    ),
    "tokens": (
        TOKENS.decode,
        "rows",
        {"id": "waitpoint_1", "status": "WAITING", "createdAt": "2026-11-26T01:00:00Z"},
    ),
    "deployments": (
        DEPLOYMENTS.decode,
        "rows",
        {"version": "20261124.1", "status": "DEPLOYED", "deployedAt": "2026-11-26T01:00:00Z"},
    ),
}
"""Each list: how it is decoded, its attribute of rows, and a row with the fields that it needs."""


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
    (types, every_minute), (_, nightly) = SCHEDULES.decode(body_of("2800"), Limits()).rows
    assert nightly == Schedule(
        "sched_thr8ve7b8spgauso5osxc",
        TaskId("nightly-report"),
        Raw("0 3 * * *"),
        Raw("Europe/Berlin"),
        is_active=True,
        next_at=at("27T02:00"),
        next_effective_at=at("27T02:00:05.093"),
    )
    assert every_minute.next_effective_at == at("26T02:23:07.028")
    assert types == {"DEVELOPMENT"}
    shown = [SCHEDULES.is_shown((types, nightly), kind) for kind in ("DEVELOPMENT", None, "PRODUCTION")]
    assert shown == [True, True, False]


def test_newest_run_of_a_schedule_is_read() -> None:
    (newest,) = SCHEDULE_RUNS.decode(body_of("1242"), Limits())
    rows = recording("1242")["response"]["body"]["data"]
    assert (newest.id, newest.created_at) == (rows[0]["id"], datetime.fromisoformat(rows[0]["createdAt"]))
    for number in ("1083", "2804"):
        assert SCHEDULE_RUNS.decode(body_of(number), Limits()) == ()


def test_recorded_metrics_of_zeros_are_not_measured() -> None:
    read = decode_queue_metrics(body_of("1063"), Limits())
    assert read.depths == (0,) * 12
    assert not read.is_measured
    body = json.loads(body_of("1063")) | {"startedCount": 3, "waitMs": {"p95": 1500}}
    read = decode_queue_metrics(json.dumps(body).encode(), Limits())
    assert (read.is_measured, read.started, read.wait_p95) == (True, 3, timedelta(seconds=1.5))
    with pytest.raises(ServerFault, match="metrics of the queue"):
        decode_queue_metrics(json.dumps(body | {"bucketIntervalMs": None}).encode(), Limits())


@pytest.mark.parametrize("name", LISTS)
def test_row_without_its_identity_is_dropped_and_counted(name: str) -> None:
    decode, rows_of, row = LISTS[name]
    broken: list[Any] = [{each: value for each, value in row.items() if each != key} for key in row]
    broken = [each for each in broken if name != "deployments" or "deployedAt" in each]
    broken += [None, 7, [], *({**row, key: []} for key in row if key != "deployedAt")]
    page = decode(listed(*broken, row), Limits())
    assert (len(getattr(page, rows_of)), page.unreadable) == (1, len(broken))


@pytest.mark.parametrize("name", LISTS)
def test_long_list_is_cut_with_a_note(name: str) -> None:
    decode, rows_of, row = LISTS[name]
    limits = Limits()
    page = decode(listed(*[row] * (MAX_PAGE_ROWS + 5)), limits)
    assert len(getattr(page, rows_of)) <= MAX_PAGE_ROWS
    assert len(limits.notes) == 1


def test_wrong_optional_field_is_unknown() -> None:
    wrongs: tuple[Any, ...] = (None, [], {"a": 1}, -1, "x" * 5)
    for wrong in wrongs:
        row = LISTS["queues"][2] | {"running": wrong, "queued": wrong, "concurrencyLimit": wrong, "paused": wrong}
        (queue,) = QUEUES.decode(listed(row), Limits()).rows
        assert queue == Queue("queue_1", Raw("sync"), is_task=True)
        row = LISTS["schedules"][2] | {"active": wrong, "nextRun": wrong, "nextRunEffectiveAt": wrong, "type": wrong}
        ((_, schedule),) = SCHEDULES.decode(listed(row), Limits()).rows
        assert (schedule.is_active, schedule.next_at, schedule.next_effective_at) == (False, None, None)
        row = LISTS["tokens"][2] | {"timeoutAt": wrong, "tags": wrong if wrong != [] else ["a", 3, None]}
        (token,) = TOKENS.decode(listed(row), Limits()).rows
        assert (token.times_out_at, token.tags) == (None, () if wrong != [] else (Raw("a"),))


def test_token_has_no_callback() -> None:
    tokens = TOKENS.decode(body_of("1105"), Limits()).rows
    created = at("26T01:40:13.951")
    assert tokens == (
        WaitToken("waitpoint_cmwwvxxq602euen7dpvrr503w", created, (Raw("approval"),), at("26T01:50:13.895")),
    )
    assert "callback" not in repr(tokens)


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
    row = LISTS["tokens"][2] | {"url": CALLBACK, "tags": ["x" * 5_000]}
    recordings_api.answer(Reply(body={"data": [row] * (MAX_PAGE_ROWS + 1)}))
    page = ask(recordings_api.url, read)
    assert SECRET not in repr(page)
    assert notes
    assert SECRET not in repr(notes)


def test_client_sends_each_request(recordings_api: RecordingsApi) -> None:
    recordings_api.answer(Reply(body={"data": []}))

    async def read(client: Any) -> None:
        await client.read_rows(QUEUES, "2")
        await client.read_rows(SCHEDULES)
        await client.read_row(SCHEDULE_RUNS, "sched_1")
        await client.read_rows(TOKENS)
        await client.read_rows(TOKENS, "abc")
        await client.read_rows(DEPLOYMENTS)

    ask(recordings_api.url, read)
    waiting = {"filter[status]": "WAITING", "page[size]": "100"}
    runs = {"filter[schedule]": "sched_1", "filter[createdAt][period]": "30d", "page[size]": "1"}
    assert [(each.path.removeprefix("/api/v1/"), each.query) for each in recordings_api.requests] == [
        ("queues", {"page": "2", "perPage": "100"}),
        ("schedules", {"page": "1", "perPage": "100"}),
        ("runs", runs),
        ("waitpoints/tokens", waiting),
        ("waitpoints/tokens", waiting | {"page[after]": "abc"}),
        ("deployments", {"page[size]": "20"}),
    ]


def test_rate_limit_of_deployments_is_not_that_of_the_rest(recordings_api: RecordingsApi) -> None:
    seen: list[int] = []

    async def read(client: Any) -> None:
        await client.read_rows(DEPLOYMENTS)
        await client.read_rows(QUEUES)

    recordings_api.answer("824", path="/api/v1/deployments")
    recordings_api.answer("614", path="/api/v1/queues")
    ask(recordings_api.url, read, on_rate_limit=lambda rate: seen.append(rate.limit))
    assert seen == [750]


def test_metrics_are_read_by_name(recordings_api: RecordingsApi) -> None:
    recordings_api.answer(Reply(body=body_of("1063")))
    ask(recordings_api.url, lambda client: client.read_queue_metrics("a/b c", is_task=True, period="1h"))
    (request,) = recordings_api.requests
    assert request.target == "/api/v1/queues/a%2Fb%20c/metrics?type=task&period=1h"
    with pytest.raises(Refused, match="cannot read the period"):
        ask(recordings_api.url, lambda client: client.read_queue_metrics("a", is_task=True, period="soon"))
    with pytest.raises(NotFound):
        ask(recordings_api.url, lambda client: client.read_queue_metrics("..", is_task=True, period="1h"))


def test_limits_are_read_as_the_package_describes_them() -> None:
    bound = {"current": 5, "base": 9, "override": 5, "overriddenAt": None}
    rows = [
        {
            "id": "climit_1",
            "name": "payments",
            "perKey": bound,
            "total": bound,
            "running": 5,
            "queued": 3,
            "paused": True,
        },
        {"id": "climit_2", "name": "task/sync", "perKey": bound, "total": bound | {"current": None}, "running": "5"},
        {"id": "climit_3"},
        7,
    ]
    read = LIMITS.decode(json.dumps({"data": rows, "pagination": {}}).encode(), Limits()).rows
    assert read == (ConcurrencyLimit(Raw("payments"), 5, 3, 5, is_paused=True), ConcurrencyLimit(Raw("task/sync")))
    with pytest.raises(ServerFault):
        LIMITS.decode(b"<!DOCTYPE html>", Limits())
    row = {"id": "queue_1", "name": "sync", "type": "task", "concurrencyLimit": None}
    for version, is_v2 in (("V2", True), ("V1", False), (7, False)):
        assert decode_queue(json.dumps(row | {"version": version}).encode(), Limits()).is_v2 is is_v2
