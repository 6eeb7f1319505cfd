"""Proxies and certificate authorities come from the environment, and the kernel detects a vanished peer."""

import asyncio
import socket
from collections.abc import Iterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.support.recording_server import RecordingsApi, Reply
from tests.support.wire.requests import KEY, NOW, ask, runs
from tui.api.connection import DEAD_AFTER_S, HttpConnection, HttpRequest, Timeouts, detect_dead_peer
from tui.api.errors import Unreachable

CERTIFICATE = str(Path(__file__).with_name("loopback.pem"))


@pytest.fixture
def tls_api() -> Iterator[RecordingsApi]:
    with RecordingsApi(CERTIFICATE) as api:
        yield api


@pytest.mark.parametrize("variable", ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"])
def test_proxy_of_the_environment_is_used(
    recordings_api: RecordingsApi, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.setenv(variable, f" {recordings_api.url}")  # a space is no part of it
    page = ask("http://api.invalid:8030", runs)
    assert len(page.patches) == 44
    assert recordings_api.requests[0].target.startswith("http://api.invalid:8030/api/v1/runs?")


def test_refused_tunnel_leaks_no_request_and_no_key(
    recordings_api: RecordingsApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    recordings_api.answer(Reply(407, headers={"proxy-authenticate": "Basic"}), method="CONNECT")
    monkeypatch.setenv("HTTPS_PROXY", recordings_api.url)
    with pytest.raises(Unreachable) as caught:
        ask("https://api.invalid", runs)
    assert not caught.value.may_have_arrived
    (request,) = recordings_api.requests
    assert (request.method, request.target) == ("CONNECT", "api.invalid:443")
    assert KEY not in str(request)


@pytest.mark.parametrize(
    "proxy", ["socks5://127.0.0.1:1", "nonsense://x", "http://[", "http://", "ftp://me:hidden@a", "http://me:hid/den@a"]
)
def test_invalid_proxy_is_reported_in_one_line(monkeypatch: pytest.MonkeyPatch, proxy: str) -> None:
    monkeypatch.setenv("ALL_PROXY", proxy)
    with pytest.raises(Unreachable) as caught:
        ask("http://api.invalid", runs)
    assert not caught.value.may_have_arrived
    assert str(caught.value).isprintable()
    assert "hid" not in str(caught.value)


def test_unknown_certificate_is_rejected(tls_api: RecordingsApi) -> None:
    with pytest.raises(Unreachable, match="certificate verify failed") as caught:
        ask(tls_api.url, runs)
    assert not caught.value.may_have_arrived
    assert tls_api.requests == []


def test_missing_certificate_file_is_reported_in_one_line(
    tls_api: RecordingsApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", "/no/such/file.pem")
    with pytest.raises(Unreachable, match="invalid proxy or certificate settings") as caught:
        ask(tls_api.url, runs)
    assert str(caught.value).isprintable()


WEB, ANY = "http://web:1", "socks5h://any:2"


class Way:
    """Responds with the proxy that a request would go through."""

    def __init__(self, proxy: str | None, **_: bool) -> None:
        self._proxy = proxy or "direct"

    async def handle_async_request(self, _: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, stream=httpx2.ByteStream(self._proxy.encode()))

    async def aclose(self) -> None:
        pass


def way(url: str) -> str:
    async def scenario() -> str:
        async with aclosing(HttpConnection(headers={}, clock=lambda: NOW, timeouts=Timeouts())) as connection:
            return (await connection.send(HttpRequest(url), label="GET /")).body.decode()

    return asyncio.run(scenario())


def test_scheme_chooses_its_proxy_before_that_of_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tui.api.connection._Transport", Way)
    assert way("http://api.example") == "direct"
    monkeypatch.setenv("HTTP_PROXY", WEB)
    assert (way("http://api.example"), way("https://api.example")) == (WEB, "direct")
    monkeypatch.setenv("ALL_PROXY", ANY)
    assert (way("http://api.example"), way("https://api.example")) == (WEB, ANY)
    monkeypatch.setenv("https_proxy", "https://tls:3")
    assert way("https://api.example") == "https://tls:3"


@pytest.mark.parametrize(
    ("entry", "direct", "by_proxy"),
    [
        ("*", "api.example 127.0.0.1", ""),
        ("example.com", "example.com www.example.com", "badexample.com example.com.org"),
        ("localhost, 127.0.0.1", "localhost 127.0.0.1 127.0.0.1:8030", "127.0.0.10"),
        ("127.0.0.0/8", "", "127.0.0.1"),  # a network is no host
        ("::1", "[::1] [::1]:8030", "[::2]"),
    ],
)
def test_no_proxy_names_hosts_below_it_too(
    monkeypatch: pytest.MonkeyPatch, entry: str, direct: str, by_proxy: str
) -> None:
    monkeypatch.setattr("tui.api.connection._Transport", Way)
    monkeypatch.setenv("HTTP_PROXY", WEB)
    monkeypatch.setenv("NO_PROXY", entry)
    assert {host: way(f"http://{host}/") for host in direct.split()} == dict.fromkeys(direct.split(), "direct")
    assert {host: way(f"http://{host}/") for host in by_proxy.split()} == dict.fromkeys(by_proxy.split(), WEB)


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
