"""The kernel detects a vanished peer on every new connection."""

import socket
from typing import Any

import pytest

from tests.support.recording_server import RecordingsApi
from tests.support.wire.requests import ask, runs
from tui.api.connection import DEAD_AFTER_S, detect_dead_peer

OPTIONS = ("TCP_KEEPIDLE", "TCP_KEEPINTVL", "TCP_KEEPCNT")


def seconds_until_noticed(connection: socket.socket) -> int:
    idle, every, probes = (
        connection.getsockopt(socket.IPPROTO_TCP, getattr(socket, name)) for name in OPTIONS if hasattr(socket, name)
    )
    return idle + every * probes


@pytest.mark.skipif(not hasattr(socket, "TCP_USER_TIMEOUT"), reason="Linux names these options")
@pytest.mark.parametrize("variable", ["NO_PROXY", "HTTP_PROXY"])
def test_new_connection_detects_a_dead_peer(
    recordings_api: RecordingsApi, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    options: list[tuple[int, int, int]] = []

    def detect(raw: Any) -> None:
        detect_dead_peer(raw)
        keep_alive = raw.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        user_timeout = raw.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT)
        options.append((keep_alive, user_timeout, seconds_until_noticed(raw)))

    monkeypatch.setenv(variable, recordings_api.url)
    monkeypatch.setattr("tui.api.connection.detect_dead_peer", detect)
    ask(recordings_api.url, runs)
    assert options == [(1, DEAD_AFTER_S * 1000, DEAD_AFTER_S)]
