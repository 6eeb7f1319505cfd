"""`relay` as a user starts it: where it listens, what it refuses, how a screen uses it, and how it ends."""

import os
import re
import resource
import signal
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import psutil
import pytest

from tests.perf.terminal import Terminal
from tests.support.commands import PATIENCE_S, environment, in_this_process
from tests.support.fleet import SECRET, Fleet, FleetRun, serving
from tests.support.virtual_clock import VirtualClock

NOBODY = "http://127.0.0.1:9"
TOKEN = "0123456789abcdef-of-the-wall"
CERTIFICATE = str(Path(__file__).parent.parent / "wire" / "loopback.pem")


@pytest.fixture
def tokens(tmp_path: Path) -> str:
    path = tmp_path / "tokens"
    path.write_text(f"wall {TOKEN}\n")
    path.chmod(0o600)
    return str(path)


class Relaying:
    """The process, once it has told where it is."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self.process = process
        assert process.stdout is not None
        self.told = [process.stdout.readline()]
        while self.told[-1] and "trigger-tui --relay" not in self.told[-1]:
            self.told.append(process.stdout.readline())
        found = re.search(r"wss?://\S+:\d+", self.told[0])
        assert found, (self.told, process.stderr and process.stderr.read())
        self.url = found[0]

    def end(self, by: signal.Signals) -> tuple[int, str]:
        self.process.send_signal(by)
        _, err = self.process.communicate(timeout=PATIENCE_S)
        return self.process.returncode, err


@contextmanager
def relaying(tokens: str, *arguments: str, url: str = NOBODY) -> Iterator[Relaying]:
    process = subprocess.Popen(
        [sys.executable, "-m", "tui", "relay", "--tokens", tokens, "--listen", "127.0.0.1:0", *arguments],
        env=environment(url),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    # A process that says nothing must not keep the test.
    late = threading.Timer(PATIENCE_S, process.kill)
    late.start()
    with process:
        try:
            yield Relaying(process)
        finally:
            late.cancel()
            process.kill()


def test_relay_serves_on_while_nobody_reads_its_stderr(tokens: str) -> None:
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    with suppress(BlockingIOError):
        while True:
            os.write(writing, b"x" * 4096)
    os.set_blocking(writing, True)
    process = subprocess.Popen(
        [sys.executable, "-m", "tui", "relay", "--tokens", tokens, "--listen", "127.0.0.1:0"],
        env=environment(NOBODY),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=writing,
        text=True,
    )
    late = threading.Timer(PATIENCE_S, process.kill)
    late.start()
    with process:
        place = Relaying(process).url.removeprefix("ws://").split(":")
        for number in range(2, 5):  # each is a line, from a host of its own
            with socket.create_connection((place[0], int(place[1])), PATIENCE_S, (f"127.0.0.{number}", 0)) as stranger:
                stranger.sendall(
                    b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
                )
                assert b" 401 " in stranger.recv(1000)
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE_S) == 128 + signal.SIGTERM
    late.cancel()
    os.close(reading)
    os.close(writing)


def screen(url: str, *flags: str, **more: str) -> Terminal:
    """The monitor of somebody who has a token and no key."""
    env = environment(None, TRIGGER_TUI_RELAY_TOKEN=TOKEN) | more
    del env["TRIGGER_SECRET_KEY"]
    return Terminal([sys.executable, "-m", "tui", "--relay", url, *flags], env=env)


@pytest.mark.parametrize(("by", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_it_says_where_it_is_and_ends_by_a_signal(tokens: str, by: signal.Signals, code: int) -> None:
    with relaying(tokens) as running:
        assert running.told[-1].strip() == f"trigger-tui --relay {running.url}"
        command = " ".join(psutil.Process(running.process.pid).cmdline())
        ended, err = running.end(by)
        assert ended == code
        assert "Traceback" not in err
        assert not [text for text in (*running.told, err, command) if TOKEN in text or SECRET in text]


def test_a_monitor_shows_the_runs_of_a_relay_with_tls_and_has_no_key(tokens: str) -> None:
    fleet = Fleet(VirtualClock())
    fleet.add(FleetRun(1, -9, -8, -7, end="FAILED", task="pay-the-bill"))
    with (
        serving(fleet) as api,
        relaying(tokens, "--tls-cert", CERTIFICATE, url=api.url) as running,
        screen(running.url, "--tls-ca", CERTIFICATE) as terminal,
    ):
        terminal.wait_for("pay-the-bill", "READ-ONLY")
        terminal.send("q")
        assert terminal.end() == 0
        code, err = running.end(signal.SIGINT)
        assert (code, err) == (130, "")


def test_an_authority_that_is_none_is_refused_before_there_is_a_screen() -> None:
    with screen("wss://127.0.0.1:1", "--tls-ca", __file__) as terminal:
        terminal.wait_for("no certificate")
        assert terminal.end() == 2


def test_a_monitor_whose_token_is_wrong_says_what_to_do(tokens: str) -> None:
    with relaying(tokens) as running, screen(running.url, TRIGGER_TUI_RELAY_TOKEN=f"{TOKEN}x") as terminal:
        terminal.wait_for("TRIGGER_TUI_RELAY_TOKEN")
        terminal.send("q")
        assert terminal.end() == 0
        _, err = running.end(signal.SIGINT)
        assert "a screen at 127.0.0.1 was refused" in err


@pytest.mark.parametrize("host", ["0.0.0.0", "[::]", "relay.example", "10.0.0.7"])
def test_beyond_this_machine_it_takes_tls(tokens: str, host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    listen = ("relay", "--tokens", tokens, "--listen", f"{host}:7337")
    done = in_this_process(*listen, url=NOBODY)
    assert (done.code, done.out) == (2, "")
    assert "--tls-cert" in done.err
    assert done.err.count("\n") == 1


def test_what_cannot_be_used_is_one_line_each(tokens: str, tmp_path: Path) -> None:
    open_to_all = tmp_path / "open"
    open_to_all.write_text(f"{TOKEN}\n")
    open_to_all.chmod(0o644)
    for arguments, words in (
        (("--tokens", str(open_to_all)), "chmod 600"),
        (("--tokens", tokens, "--listen", "7337"), "not a host and a port"),
        (("--tokens", tokens, "--tls-key", CERTIFICATE), "--tls-cert"),
        (("--tokens", tokens, "--tls-cert", tokens), "cannot be used"),
        ((), "--tokens"),
    ):
        done = in_this_process("relay", *arguments, url=NOBODY)
        assert (done.code, done.out) == (2, "")
        assert words in done.err
        assert done.err.count("\n") == 1
        assert TOKEN not in done.err


def test_a_hang_up_reads_the_tokens_again(tokens: str) -> None:
    with relaying(tokens) as running:
        with open(tokens, "a", encoding="ascii") as file:  # noqa: PTH123  appended to
            file.write("desk fedcba9876543210-of-the-desk\n")
        os.kill(running.process.pid, signal.SIGHUP)
        assert running.process.stderr is not None
        assert "read again" in running.process.stderr.readline()


def test_more_connections_than_the_system_allows_cost_a_line_and_no_tracebacks(tokens: str) -> None:
    with relaying(tokens) as running, ExitStack() as held:
        resource.prlimit(running.process.pid, resource.RLIMIT_NOFILE, (40, 40))
        port = int(running.url.rpartition(":")[2])
        idle = [held.enter_context(socket.create_connection(("127.0.0.1", port))) for _ in range(60)]
        assert running.process.stderr is not None
        said = [running.process.stderr.readline()]
        while "ulimit -n" not in said[-1]:
            said.append(running.process.stderr.readline())
        for each in idle:
            each.close()
        ended, err = running.end(signal.SIGTERM)
        assert ended == 143
        assert "Traceback" not in "".join((*said, err))


def test_a_screen_that_asks_much_and_goes_costs_no_lines(tokens: str) -> None:
    with relaying(tokens) as running:
        port = int(running.url.rpartition(":")[2])
        ping = b"\x89\x80\0\0\0\0"
        with socket.create_connection(("127.0.0.1", port)) as line:
            line.settimeout(PATIENCE_S)
            line.sendall(
                b"GET / HTTP/1.1\r\nHost: here\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                b"Sec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\nSec-WebSocket-Version: 13\r\n"
                b"Authorization: Bearer " + TOKEN.encode() + b"\r\n\r\n"
            )
            assert line.recv(4096).startswith(b"HTTP/1.1 101")
            line.sendall(ping * 50_000)
            line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        code, err = running.end(signal.SIGTERM)
        assert code == 143
        assert "socket.send" not in err


def test_only_the_monitor_takes_a_relay() -> None:
    for arguments in (("ls", "--relay", "ws://127.0.0.1:1"), ("--relay", "ws://127.0.0.1:1", "ls")):
        done = in_this_process(*arguments, url=NOBODY)
        assert done.code == 2
        assert "--relay" in done.err


def test_an_unencrypted_relay_elsewhere_is_refused() -> None:
    with screen("ws://10.0.0.7:7337") as terminal:
        assert terminal.end() == 2
        assert "unencrypted" in terminal.text
