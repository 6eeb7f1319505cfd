"""Commands with broken TLS or a broken proxy: one line on stderr, no stdout, exit code 1 or 3."""

from collections.abc import Iterator

import pytest

from tests.support.commands import Done, in_this_process
from tests.support.raw_server import CERTIFICATE, over_tls, read_head, serving
from tests.support.recording_server import Fault, RecordingsApi
from tui.commands.output import ExitCode

RUN = "run_cmwurjv0d002t9f7d2o0r9wx9"


@pytest.fixture
def tls_api(monkeypatch: pytest.MonkeyPatch) -> Iterator[RecordingsApi]:
    monkeypatch.setenv("SSL_CERT_FILE", CERTIFICATE)
    with RecordingsApi(CERTIFICATE) as api:
        yield api


def assert_is_one_line(done: Done) -> None:
    assert done.code in {ExitCode.REFUSED, ExitCode.NO_CONNECTION}
    assert done.out == ""
    (line,) = done.err.splitlines()
    assert line.isprintable()


COMMANDS = [
    ("ls",),
    ("ls", "--json"),
    ("show", RUN),
    ("tree", RUN),
    ("logs", RUN),
    ("watch",),
    ("watch", RUN),
    ("cancel", RUN, "--yes"),
]


@pytest.mark.parametrize("command", COMMANDS)
def test_command_reports_broken_tls_in_one_line(tls_api: RecordingsApi, command: tuple[str, ...]) -> None:
    tls_api.answer(Fault.BAD_RECORD)
    assert_is_one_line(in_this_process(*command, url=tls_api.url))


@pytest.mark.parametrize("command", COMMANDS)
def test_command_reports_a_required_certificate_in_one_line(
    monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", CERTIFICATE)
    with serving(over_tls(read_head, wants_client_certificate=True)) as port:
        assert_is_one_line(in_this_process(*command, url=f"https://127.0.0.1:{port}"))


@pytest.mark.parametrize("command", COMMANDS)
def test_command_reports_a_broken_proxy_in_one_line(monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]) -> None:
    with serving(lambda connection: connection.recv(1000)) as port:
        monkeypatch.setenv("ALL_PROXY", f"socks5://127.0.0.1:{port}")
        assert_is_one_line(in_this_process(*command, url="http://api.invalid"))
