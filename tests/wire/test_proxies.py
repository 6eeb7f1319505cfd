"""Which address goes through which proxy."""

import asyncio
import os
from contextlib import aclosing

import httpx2
import pytest

from tests.support.wire.requests import NOW
from tui.api.connection import HttpConnection, HttpRequest, Timeouts

NAMES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")
WEB, ANY = "http://web:1", "socks5h://any:2"


class Way:
    """Responds with the proxy that a request would go through."""

    def __init__(self, proxy: str | None, **_: bool) -> None:
        self._proxy = proxy or "direct"

    async def handle_async_request(self, _: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, stream=httpx2.ByteStream(self._proxy.encode()))

    async def aclose(self) -> None:
        pass


@pytest.fixture(autouse=True)
def _no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.lower() in NAMES:
            monkeypatch.delenv(name)
    monkeypatch.setattr("tui.api.connection._Transport", Way)


def way(url: str) -> str:
    async def scenario() -> str:
        async with aclosing(HttpConnection(headers={}, clock=lambda: NOW, timeouts=Timeouts())) as connection:
            return (await connection.send(HttpRequest(url), label="GET /")).body.decode()

    return asyncio.run(scenario())


def test_scheme_chooses_its_proxy_before_that_of_all(monkeypatch: pytest.MonkeyPatch) -> None:
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
        (".Example.com", "www.example.com example.com", "badexample.com"),
        ("localhost, 127.0.0.1", "localhost 127.0.0.1 127.0.0.1:8030", "127.0.0.10"),
        ("127.0.0.0/8", "", "127.0.0.1"),  # a network is no host
        ("::1", "[::1] [::1]:8030", "[::2]"),
        ("[::1]", "[::1] [::1]:8030", "[::2]"),
        ("a b, [, *", "api.example", ""),
        ("a b, [, api.example", "api.example", "a"),
        ("api.example:8030", "api.example:8030", "api.example api.example:80"),
        ("https://api.example", "", "api.example"),
        ("", "", "api.example"),
    ],
)
def test_no_proxy_names_hosts_below_it_too(
    monkeypatch: pytest.MonkeyPatch, entry: str, direct: str, by_proxy: str
) -> None:
    monkeypatch.setenv("HTTP_PROXY", WEB)
    monkeypatch.setenv("NO_PROXY", entry)
    assert {host: way(f"http://{host}/") for host in direct.split()} == dict.fromkeys(direct.split(), "direct")
    assert {host: way(f"http://{host}/") for host in by_proxy.split()} == dict.fromkeys(by_proxy.split(), WEB)
