"""Failures of sockets, TLS and proxies say whether the request may have taken effect. Only reads are sent once more."""

import asyncio
import base64
import socket
import struct
from collections.abc import Callable
from typing import Any

import pytest

from tests.support.raw_server import (
    CERTIFICATE,
    Serve,
    closed,
    over_tls,
    read_head,
    serving,
    until_closed,
    write_past_tls,
)
from tests.support.recording_server import Fault, RecordingsApi, Reply
from tests.support.wire.requests import SHORT, ask, failure_of
from tests.wire.test_secrets import whole_text
from tui.api import client as client_module
from tui.api import connection
from tui.api.client import Client
from tui.api.connection import MAX_CONNECTIONS, Timeouts
from tui.api.errors import ApiError, Unreachable
from tui.domain.filters import RunFilters
from tui.domain.run import RunId

RUN = RunId("run_cmwuqwujq00039f7dybhtw9lx")
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 1000\r\n\r\n"
WHOLE = b'HTTP/1.1 200 OK\r\ncontent-length: 12\r\n\r\n{"data": []}'
ALERT = bytes((21, 3, 3, 0, 2, 2, 40))  # an unencrypted handshake_failure
PATIENCE = Timeouts(connect_s=30, read_s=30, write_s=30, pool_s=30, reach_s=30, whole_s=30)


def cancel(client: Client) -> Any:
    return client.cancel(RUN)


@pytest.fixture(autouse=True)
def _trusting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", CERTIFICATE)
    monkeypatch.setenv("NO_PROXY", "")


def failing(serve: Serve, scheme: str = "https") -> Unreachable:
    """Return the error of a cancel. Three requests show that no connection stays in a bad state."""
    with serving(serve) as port:
        errors = [failure_of(f"{scheme}://127.0.0.1:{port}", cancel, timeouts=PATIENCE) for _ in range(3)]
    assert len({type(error) for error in errors}) == 1
    assert isinstance(errors[-1], Unreachable)
    assert str(errors[-1]).isprintable()
    return errors[-1]


def after_request(*parts: bytes) -> Serve:
    """Read a request, respond with some bytes, and send the last ones unencrypted."""

    def serve(connection: socket.socket) -> None:
        read_head(connection)
        for part in parts[:-1]:
            connection.sendall(part)
        write_past_tls(connection, parts[-1])
        until_closed(connection)

    return over_tls(serve)


@pytest.mark.parametrize(
    "serve",
    [
        pytest.param(over_tls(read_head, wants_client_certificate=True), id="client certificate wanted"),
        pytest.param(after_request(b"no record of TLS at all" * 9), id="bad record"),
        pytest.param(after_request(HEAD, b'{"da', b"\x17\x03\x03\x00\x20" + b"x" * 32), id="bad record in the body"),
        pytest.param(after_request(ALERT), id="alert"),
        pytest.param(after_request(HEAD, ALERT), id="alert in the body"),
        pytest.param(over_tls(read_head), id="closed"),
    ],
)
def test_tls_failure_after_the_request_may_have_arrived(serve: Serve) -> None:
    assert failing(serve).may_have_arrived


@pytest.mark.parametrize(
    "serve",
    [
        pytest.param(lambda connection: connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n"), id="no TLS"),
        pytest.param(lambda connection: connection.sendall(ALERT), id="alert"),
        pytest.param(lambda connection: connection.recv(10), id="closed"),
    ],
)
def test_tls_failure_before_the_request_never_arrived(serve: Serve) -> None:
    assert not failing(serve).may_have_arrived


# --- proxies

GREETED, CONNECTED = b"\x05\x00", b"\x05\x00\x00\x01\x7f\x00\x00\x01\x00\x50"


def socks(*replies: bytes, then: Serve = closed) -> Serve:
    """A SOCKS proxy that sends one reply to each message, and then calls `then`."""

    def serve(connection: socket.socket) -> None:
        for reply in replies:
            connection.recv(1000)
            connection.sendall(reply)
        then(connection)

    return serve


def tunnel(reply: bytes, then: Serve = closed) -> Serve:
    """An HTTP proxy that sends this reply to a CONNECT."""

    def serve(connection: socket.socket) -> None:
        assert b"CONNECT" in read_head(connection)
        connection.sendall(reply)
        then(connection)

    return serve


def failing_behind(monkeypatch: pytest.MonkeyPatch, kind: str, proxy: Serve, url: str) -> Unreachable:
    with serving(proxy) as port:
        monkeypatch.setenv("ALL_PROXY", f"{kind}://127.0.0.1:{port}")
        errors = [failure_of(url, cancel, timeouts=PATIENCE) for _ in range(2)]
    assert isinstance(errors[-1], Unreachable)
    assert str(errors[-1]).isprintable()
    return errors[-1]


@pytest.mark.parametrize("url", ["http://api.invalid", "https://api.invalid"])
@pytest.mark.parametrize(
    "proxy",
    [
        pytest.param(closed, id="closes at once"),
        pytest.param(socks(b""), id="closes after the greeting"),
        pytest.param(socks(b"\x05"), id="half a greeting"),
        pytest.param(socks(b"HTTP/1.1 400 Bad Request\r\n\r\n"), id="speaks HTTP"),
        pytest.param(socks(b"\x05\xff"), id="accepts no method"),
        pytest.param(socks(GREETED, b""), id="closes after the request"),
        pytest.param(socks(GREETED, b"\x05\x05\x00\x01\x00\x00\x00\x00\x00\x00"), id="cannot connect"),
        pytest.param(socks(GREETED, b"\x05\x00\x00"), id="half a reply"),
        pytest.param(socks(GREETED, b"\x05\x63\x00\x63\x00"), id="unknown reply"),
    ],
)
def test_socks_proxy_that_disconnects_sent_nothing(monkeypatch: pytest.MonkeyPatch, proxy: Serve, url: str) -> None:
    assert not failing_behind(monkeypatch, "socks5", proxy, url).may_have_arrived


def test_socks_proxy_that_dies_late_may_have_sent_the_request(monkeypatch: pytest.MonkeyPatch) -> None:
    proxy = socks(GREETED, CONNECTED, then=read_head)
    assert failing_behind(monkeypatch, "socks5", proxy, "http://api.invalid").may_have_arrived


@pytest.mark.parametrize(
    "proxy",
    [
        pytest.param(tunnel(b""), id="closes"),
        pytest.param(tunnel(b"what?\r\n\r\n"), id="speaks no HTTP"),
        pytest.param(tunnel(b"HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\n\r\n"), id="refuses"),
        pytest.param(tunnel(b"HTTP/1.1 200 OK\r\n\r\n"), id="closes the tunnel"),
        pytest.param(
            tunnel(b"HTTP/1.1 200 OK\r\n\r\n", then=lambda connection: connection.sendall(ALERT)), id="no TLS behind it"
        ),
    ],
)
def test_failed_tunnel_sent_nothing(monkeypatch: pytest.MonkeyPatch, proxy: Serve) -> None:
    assert not failing_behind(monkeypatch, "http", proxy, "https://api.invalid").may_have_arrived


@pytest.mark.parametrize(("kind", "scheme"), [("http", "https"), ("http", "http"), ("socks5", "http")])
def test_user_and_password_are_sent_to_the_proxy(monkeypatch: pytest.MonkeyPatch, kind: str, scheme: str) -> None:
    got: list[bytes] = []

    def proxy(connection: socket.socket) -> None:
        if kind == "socks5":
            got.append(connection.recv(1000))
            connection.sendall(b"\x05\x02")
            got.append(connection.recv(1000))
        else:
            got.append(read_head(connection))
            connection.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n")

    with serving(proxy) as port:
        monkeypatch.setenv("ALL_PROXY", f"{kind}://a%40b:c%3Ad@127.0.0.1:{port}")
        error = failure_of(f"{scheme}://api.invalid", timeouts=PATIENCE)
    sent = b"\x05\x01\x02\x01\x03a@b\x03c:d" if kind == "socks5" else b"Basic " + base64.b64encode(b"a@b:c:d")
    assert sent in b"".join(got)
    assert "c:d" not in whole_text(error)


def test_failed_tunnels_use_up_no_connections(monkeypatch: pytest.MonkeyPatch) -> None:
    """httpcore2 leaks the pool slot of a tunnel whose TLS handshake fails."""

    async def insist(client: Client) -> set[str]:
        errors = set()
        for _ in range(MAX_CONNECTIONS + 5):
            try:
                await client.list_runs(RunFilters())
            except ApiError as error:
                errors.add(str(error))
        return errors

    with serving(tunnel(b"HTTP/1.1 200 OK\r\n\r\n")) as port:
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{port}")
        errors = ask("https://api.invalid", insist, timeouts=Timeouts(pool_s=0.05))
    assert not any("all connections were busy" in words for words in errors)


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
    assert str(error) == "GET /api/v1/runs: no complete response within 0.3 s"


def dribbling_then(answer: str, question: Callable[[Client], Any], api: RecordingsApi, method: str) -> str:
    """Return what became of a request whose first response dribbles, and whose reads are restarted."""
    api.answer(Fault.DRIBBLE, answer, method=method)

    async def impatient(client: Client) -> str:
        asked = asyncio.create_task(question(client))
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
    assert failure == "GET /api/v1/runs: no complete response within 0.5 s"
    assert len(recordings_api.requests) == 1


def test_action_is_never_sent_again(recordings_api: RecordingsApi, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "MIN_READ_S", 0.0)
    failure = dribbling_then("010", lambda client: client.cancel(RUN), recordings_api, "POST")
    assert failure.endswith("no complete response within 0.5 s")
    assert len(recordings_api.requests) == 1


def test_web_page_with_status_200_is_a_server_fault(recordings_api: RecordingsApi) -> None:
    recordings_api.answer(Reply(body="<!DOCTYPE html><p>Log in to the hotel", headers={"content-type": "text/html"}))
    error = failure_of(recordings_api.url)
    assert str(error) == "GET /api/v1/runs: 200, a web page instead of JSON: is TRIGGER_API_URL right?"


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
