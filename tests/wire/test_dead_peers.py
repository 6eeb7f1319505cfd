"""The kernel detects a vanished peer on every new connection."""

import asyncio
import socket

import pytest

from tests.support.recording_server import RecordingsApi
from tests.support.wire.requests import ask, runs
from tui.api.connection import RequestProgress, Timeouts
from tui.api.http import DEAD_AFTER_S, AsyncioBackend, detect_dead_peer

OPTIONS = ("TCP_KEEPIDLE", "TCP_KEEPINTVL", "TCP_KEEPCNT")


def seconds_until_noticed(connection: socket.socket) -> int:
    idle, every, probes = (
        connection.getsockopt(socket.IPPROTO_TCP, getattr(socket, name)) for name in OPTIONS if hasattr(socket, name)
    )
    return idle + every * probes


@pytest.mark.skipif(not hasattr(socket, "TCP_USER_TIMEOUT"), reason="Linux names these options")
def test_new_connection_detects_a_dead_peer(recordings_api: RecordingsApi) -> None:
    async def scenario() -> None:
        progress = RequestProgress(Timeouts(), str)
        stream = await AsyncioBackend().connect_tcp("127.0.0.1", recordings_api.port)
        await progress.trace("connection.connect_tcp.complete", {"return_value": stream})
        raw = stream.get_extra_info("socket")
        assert raw.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
        assert raw.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == DEAD_AFTER_S * 1000
        assert seconds_until_noticed(raw) <= DEAD_AFTER_S
        await stream.aclose()

    asyncio.run(scenario())


def test_requests_detect_a_dead_peer(recordings_api: RecordingsApi, monkeypatch: pytest.MonkeyPatch) -> None:
    noticed: list[object] = []
    monkeypatch.setattr("tui.api.connection.detect_dead_peer", noticed.append)
    ask(recordings_api.url, runs)
    assert len(noticed) == 1


@pytest.mark.parametrize("odd", [None, "no socket"])
def test_other_sockets_stay_unchanged(odd: object) -> None:
    detect_dead_peer(odd)
    ours, theirs = socket.socketpair()
    with ours, theirs:
        detect_dead_peer(ours)
