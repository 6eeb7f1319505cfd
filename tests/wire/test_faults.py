"""Failures of the transport say whether the request may have taken effect. Only reads are sent once more."""

import asyncio
import socket
import struct
from collections.abc import Callable
from typing import Any

import pytest

from tests.support.raw_server import read_head, serving
from tests.support.recording_server import Fault, RecordingsApi, Reply
from tests.support.wire.requests import SHORT, ask, failure_of
from tui.api import client as client_module
from tui.api import connection
from tui.api.client import Client
from tui.api.connection import Timeouts
from tui.api.errors import Unreachable
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


def test_web_page_with_status_200_is_a_server_fault(recordings_api: RecordingsApi) -> None:
    recordings_api.answer(Reply(body="<!DOCTYPE html><p>Log in to the hotel", headers={"content-type": "text/html"}))
    error = failure_of(recordings_api.url)
    assert str(error) == "GET /api/v1/runs: 200, but a web page: is TRIGGER_API_URL right?"


WHOLE = b'HTTP/1.1 200 OK\r\ncontent-length: 12\r\n\r\n{"data": []}'
PATIENCE = Timeouts(connect_s=2.0, read_s=2.0, write_s=2.0, pool_s=2.0, reach_s=2.0, whole_s=2.0)


@pytest.mark.parametrize("is_reset", [False, True])
def test_read_is_repeated_when_a_kept_connection_ends(is_reset: bool) -> None:
    heads: list[bytes] = []

    def serve(connection: socket.socket) -> None:
        """Answer one request, and end with the next one."""
        heads.append(read_head(connection))
        connection.sendall(WHOLE)
        heads.append(read_head(connection))
        if is_reset:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    async def read_and_cancel(client: Client) -> bool:
        for _ in range(2):
            await client.list_runs(RunFilters())
        with pytest.raises(Unreachable) as caught:
            await client.cancel(RUN)
        return caught.value.may_have_arrived

    with serving(serve) as port:
        assert ask(f"http://127.0.0.1:{port}", read_and_cancel, timeouts=PATIENCE)
    assert [head.partition(b" ")[0] for head in heads] == [b"GET", b"GET", b"GET", b"POST"]


def test_read_that_was_held_for_long_is_sent_once(monkeypatch: pytest.MonkeyPatch) -> None:
    heads: list[bytes] = []

    def serve(connection: socket.socket) -> None:
        heads.append(read_head(connection))
        connection.sendall(WHOLE)
        heads.append(read_head(connection))

    async def read_twice(client: Client) -> None:
        await client.list_runs(RunFilters())
        with pytest.raises(Unreachable):
            await client.list_runs(RunFilters())

    monkeypatch.setattr("tui.api.connection.STALE_WITHIN_S", 0.0)
    with serving(serve) as port:
        ask(f"http://127.0.0.1:{port}", read_twice, timeouts=PATIENCE)
    assert len(heads) == 2


def test_read_over_a_new_connection_is_sent_once() -> None:
    heads: list[bytes] = []
    with serving(lambda connection: heads.append(read_head(connection))) as port:
        failure_of(f"http://127.0.0.1:{port}", timeouts=PATIENCE)
    assert len(heads) == 1


def test_action_leaves_a_kept_connection_that_has_ended() -> None:
    heads: list[bytes] = []

    def serve(connection: socket.socket) -> None:
        heads.append(read_head(connection))
        connection.sendall(WHOLE if len(heads) == 1 else WHOLE.replace(b'{"data": []}', b'{"id":"run"}'))

    async def read_and_cancel(client: Client) -> None:
        await client.list_runs(RunFilters())
        await asyncio.sleep(0.05)  # the server closes
        await client.cancel(RUN)

    with serving(serve) as port:
        ask(f"http://127.0.0.1:{port}", read_and_cancel, timeouts=PATIENCE)
    assert len(heads) == 2
