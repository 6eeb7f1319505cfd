"""Proxies and certificate authorities come from the environment, as in other HTTP tools."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.recording_server import RecordingsApi, Reply
from tests.support.wire.requests import KEY, ask, runs
from tui.api.client import Client
from tui.api.connection import MAX_CONNECTIONS
from tui.api.errors import Unreachable

CERTIFICATE = str(Path(__file__).with_name("loopback.pem"))
SUBJECT_HASH = "5f4daeaa.0"


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


def test_certificate_authorities_are_read_once(tls_api: RecordingsApi, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", CERTIFICATE)

    async def question(client: Client) -> int:
        await runs(client)
        monkeypatch.setenv("SSL_CERT_FILE", "/no/such/file.pem")
        async with asyncio.TaskGroup() as tasks:
            given_up = [tasks.create_task(runs(client)) for _ in range(MAX_CONNECTIONS // 2)]
            await asyncio.sleep(0)
            for task in given_up:
                task.cancel()
        return len((await runs(client)).patches)

    assert ask(tls_api.url, question) == 44


def test_folder_of_certificate_authorities_is_trusted(
    tls_api: RecordingsApi, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / SUBJECT_HASH).symlink_to(CERTIFICATE)
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path))
    assert len(ask(tls_api.url, runs).patches) == 44


def test_missing_certificate_file_is_reported_in_one_line(
    tls_api: RecordingsApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", "/no/such/file.pem")
    with pytest.raises(Unreachable, match="invalid proxy or certificate settings") as caught:
        ask(tls_api.url, runs)
    assert str(caught.value).isprintable()
