"""Failures of the transport: each becomes an `ApiError` that says whether the request may have taken effect."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from tests.support.recording_server import Fault, RecordingsApi, Reply
from tests.support.wire.requests import SHORT, ask, failure_of
from tui.api import client as client_module
from tui.api import connection
from tui.api.client import Client
from tui.api.connection import Timeouts
from tui.api.errors import ServerFault, Unreachable
from tui.domain.filters import RunFilters
from tui.domain.run import RunId

RUN = RunId("run_cmwuqwujq00039f7dybhtw9lx")


@pytest.mark.parametrize("fault", [Fault.CLOSE, Fault.RESET, Fault.HANG, Fault.GARBAGE, Fault.HALF])
def test_incomplete_response_may_have_taken_effect(recordings_api: RecordingsApi, fault: Fault) -> None:
    recordings_api.answer(fault, method="POST")
    error = failure_of(recordings_api.url, lambda client: client.cancel(RUN), timeouts=SHORT)
    assert isinstance(error, Unreachable)
    assert error.may_have_arrived
    assert str(error).startswith(f"POST /api/v2/runs/{RUN}/cancel: ")


def test_slow_response_hits_the_total_timeout(recordings_api: RecordingsApi) -> None:
    recordings_api.answer(Fault.DRIBBLE)
    error = failure_of(recordings_api.url, timeouts=Timeouts(read_s=5, whole_s=0.3))
    assert str(error) == "GET /api/v1/runs: no complete response in 0.3 s"


def dribbling_then(answer: str, question: Callable[[Client], Any], api: RecordingsApi, method: str) -> str:
    """Return what became of a request whose first response dribbles, and whose reads are restarted."""
    api.answer(Fault.DRIBBLE, answer, method=method)

    async def impatient(client: Client) -> str:
        asked = asyncio.ensure_future(question(client))
        while not api.requests:  # noqa: ASYNC110  the server runs in a thread
            await asyncio.sleep(0.001)
        oldest = client.oldest_read()
        client.restart_reads()
        await asyncio.sleep(0)
        client.restart_reads()  # the read is being canceled
        try:
            await asked
        except Unreachable as error:
            return str(error)
        assert oldest is not None
        assert oldest[0] == "GET /api/v1/runs"
        assert 0 < oldest[1].total_seconds() <= client_module.MAX_PAGE_S
        assert client.oldest_read() is None
        return "answered"

    return ask(api.url, impatient, timeouts=Timeouts(read_s=5, whole_s=0.5))


def test_dribbling_read_is_sent_again_on_request(
    recordings_api: RecordingsApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "MIN_READ_S", 0.0)
    assert dribbling_then("010", lambda client: client.list_runs(RunFilters()), recordings_api, "GET") == "answered"
    assert len(recordings_api.requests) == 2


def test_young_read_is_not_sent_again(recordings_api: RecordingsApi) -> None:
    failure = dribbling_then("010", lambda client: client.list_runs(RunFilters()), recordings_api, "GET")
    assert failure == "GET /api/v1/runs: no complete response in 0.5 s"
    assert len(recordings_api.requests) == 1


def test_action_is_never_sent_again(recordings_api: RecordingsApi, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "MIN_READ_S", 0.0)
    failure = dribbling_then("010", lambda client: client.cancel(RUN), recordings_api, "POST")
    assert failure.endswith("no complete response in 0.5 s")
    assert len(recordings_api.requests) == 1


def test_page_of_the_list_has_less_time(recordings_api: RecordingsApi, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "MAX_PAGE_S", 0.3)
    recordings_api.answer(Fault.DRIBBLE)
    error = failure_of(recordings_api.url, timeouts=Timeouts(read_s=5, whole_s=60))
    assert str(error) == "GET /api/v1/runs: no complete response in 0.3 s"


def test_client_recovers_after_every_fault(recordings_api: RecordingsApi) -> None:
    recordings_api.answer(Fault.CLOSE, Fault.GARBAGE, Fault.HALF, Fault.RESET, "014")

    async def insist(client: Client) -> int:
        failures = 0
        while True:
            try:
                await client.list_runs(RunFilters())
            except Unreachable:
                failures += 1
            else:
                return failures

    assert ask(recordings_api.url, insist) == 4


def test_endless_body_is_rejected(recordings_api: RecordingsApi, monkeypatch: pytest.MonkeyPatch) -> None:
    # 20 MB of white space are 20 KB of gzip.
    recordings_api.answer(Reply(body=b" " * 20_000_000))
    monkeypatch.setattr(client_module, "MAX_PAGE_BYTES", 1_000_000)
    error = failure_of(recordings_api.url)
    assert isinstance(error, ServerFault)
    assert "more than 1,000,000 bytes" in str(error)


def test_web_page_with_status_200_is_a_server_fault(recordings_api: RecordingsApi) -> None:
    recordings_api.answer(Reply(body="<!DOCTYPE html><p>Log in to the hotel", headers={"content-type": "text/html"}))
    error = failure_of(recordings_api.url)
    assert str(error) == "GET /api/v1/runs: 200, but a web page: is TRIGGER_API_URL right?"
