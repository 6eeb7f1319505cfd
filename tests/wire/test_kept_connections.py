"""A read is sent once more if its kept connection ends at once. Nothing else is."""

import asyncio
import socket
import struct

import pytest

from tests.support.raw_server import read_head, serving
from tests.support.wire.requests import ask, failure_of
from tui.api.client import Client
from tui.api.connection import Timeouts
from tui.api.errors import Unreachable
from tui.domain.filters import RunFilters
from tui.domain.run import RunId

RUN = RunId("run_cmwuqwujq00039f7dybhtw9lx")
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
