"""Which address goes through which proxy."""

import os

import pytest

from tui.api.http import HttpUrl, InvalidUrl, Proxies

NAMES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")
WEB, ANY = "http://web:1", "socks5h://any:2"


@pytest.fixture(autouse=True)
def _no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.lower() in NAMES:
            monkeypatch.delenv(name)


def origin(url: str) -> str | None:
    proxy = Proxies.of_environment().for_url(HttpUrl.of(url))
    return None if proxy is None else proxy.origin


def test_scheme_chooses_its_proxy_before_that_of_all(monkeypatch: pytest.MonkeyPatch) -> None:
    assert origin("http://api.example") is None
    monkeypatch.setenv("HTTP_PROXY", "web:1")
    assert (origin("http://api.example"), origin("https://api.example")) == (WEB, None)
    monkeypatch.setenv("ALL_PROXY", ANY)
    assert (origin("http://api.example"), origin("https://api.example")) == (WEB, ANY)
    monkeypatch.setenv("https_proxy", "https://tls:3")
    assert origin("https://api.example") == "https://tls:3"


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
    assert {host: origin(f"http://{host}/") for host in direct.split()} == dict.fromkeys(direct.split())
    assert {host: origin(f"http://{host}/") for host in by_proxy.split()} == dict.fromkeys(by_proxy.split(), WEB)


@pytest.mark.parametrize("proxy", ["nonsense://x", "http://[", "http://", "ftp://a"])
def test_proxy_of_another_kind_is_invalid(monkeypatch: pytest.MonkeyPatch, proxy: str) -> None:
    monkeypatch.setenv("ALL_PROXY", proxy)
    with pytest.raises(InvalidUrl):
        origin("http://api.example")


def test_user_of_a_proxy_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://a%40b:c@proxy:8")
    proxy = Proxies.of_environment().for_url(HttpUrl.of("https://api.example"))
    assert proxy is not None
    assert (proxy.user, proxy.origin) == ("a%40b:c", "http://proxy:8")
    assert "a%40b" not in f"{proxy!r}{Proxies.of_environment()!r}"
