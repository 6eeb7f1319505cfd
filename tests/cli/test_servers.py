"""`relay` and `emulator` as processes: their output, their options, their end, and lines for a full stderr."""

import fcntl
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from io import StringIO
from pathlib import Path
from typing import Any, TextIO

import httpx2
import psutil
import pytest

from tests.perf.terminal import Terminal
from tests.support.commands import PATIENCE_S, environment, in_this_process, killed_if_late, trigger_tui
from tests.support.fleet import SECRET, FleetRun, fleet_of, serving
from tui.commands.output import Output
from tui.program.relay import MAX_LINES, StderrLines

NO_SERVER = "http://127.0.0.1:9"
TOKEN = "0123456789abcdef-of-the-wall"
CERTIFICATE = str(Path(__file__).parent.parent / "wire" / "loopback.pem")


@pytest.fixture
def tokens(tmp_path: Path) -> str:
    path = tmp_path / "tokens"
    path.write_text(f"wall {TOKEN}\n")
    path.chmod(0o600)
    return str(path)


class Server:
    """A relay or an emulator that has printed how to reach it; `printed` is its output so far."""

    def __init__(self, process: "subprocess.Popen[str]", last_line: str) -> None:
        self.process = process
        assert process.stdout is not None
        with killed_if_late(process):
            self.printed = [process.stdout.readline()]
            while self.printed[-1] and last_line not in self.printed[-1]:
                self.printed.append(process.stdout.readline())
        found = re.search(r"\w+://\S+:\d+", self.printed[0])
        assert found, (self.printed, process.stderr and process.stderr.read())
        self.url = found[0]

    def get(self, path: str, key: str = "tr_dev_emulator") -> httpx2.Response:
        headers = {"authorization": f"Bearer {key}"}
        return httpx2.get(self.url + path, headers=headers, trust_env=False, timeout=PATIENCE_S)

    def stop(self, by: signal.Signals = signal.SIGINT) -> tuple[int, str]:
        """Send a signal. Return the exit code and stderr."""
        self.process.send_signal(by)
        _, err = self.process.communicate(timeout=PATIENCE_S)
        return self.process.returncode, err


@contextmanager
def running_server(*arguments: str, last_line: str, url: str | None = None) -> Iterator[Server]:
    process = subprocess.Popen(
        [sys.executable, "-m", "tui", *arguments],
        env=environment(url),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            yield Server(process, last_line)
        finally:
            process.kill()


def relay_process(tokens: str, *arguments: str, url: str = NO_SERVER) -> AbstractContextManager[Server]:
    listen = ("--tokens", tokens, "--listen", "127.0.0.1:0")
    return running_server("relay", *listen, *arguments, last_line="trigger-tui --relay", url=url)


def emulated(*arguments: str) -> AbstractContextManager[Server]:
    return running_server("emulator", *arguments, last_line="/emulator/world")


def screen(url: str, *flags: str, **more: str) -> Terminal:
    """Start a monitor with a token and without a key."""
    env = environment(None, TRIGGER_TUI_RELAY_TOKEN=TOKEN) | more
    del env["TRIGGER_SECRET_KEY"]
    return Terminal([sys.executable, "-m", "tui", "--relay", url, *flags], env=env)


def test_relay_prints_its_address_reads_tokens_after_a_hangup_and_ends_by_a_signal(tokens: str) -> None:
    with relay_process(tokens) as running:
        assert running.printed[-1].strip() == f"trigger-tui --relay {running.url}"
        command = " ".join(psutil.Process(running.process.pid).cmdline())
        with Path(tokens).open("a") as file:
            file.write("desk fedcba9876543210-of-the-desk\n")
        running.process.send_signal(signal.SIGHUP)
        assert running.process.stderr is not None
        # The lines about the API, which is away, come too.
        with killed_if_late(running.process):
            said = [next(running.process.stderr)]
            while "read again" not in said[-1]:
                said.append(next(running.process.stderr))
        ended, err = running.stop(signal.SIGTERM)
        assert ended == 143
        assert "Traceback" not in "".join((*said, err))
        assert not [text for text in (*running.printed, *said, err, command) if TOKEN in text or SECRET in text]


def test_monitor_shows_runs_of_a_relay_over_tls_without_a_key(tokens: str) -> None:
    fleet = fleet_of(FleetRun(1, -9, -8, -7, end="FAILED", task="pay-the-bill"))
    with (
        serving(fleet) as api,
        relay_process(tokens, "--tls-cert", CERTIFICATE, url=api.url) as running,
        screen(running.url, "--tls-ca", CERTIFICATE) as terminal,
    ):
        terminal.wait_for("pay-the-bill", "READ-ONLY")
        terminal.send("q")
        assert terminal.end() == 0
        code, err = running.stop(signal.SIGINT)
        assert (code, err) == (130, "")


@pytest.mark.parametrize("host", ["0.0.0.0", "[::]", "relay.example", "10.0.0.7"])
def test_relay_needs_tls_beyond_this_machine(tokens: str, host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    listen = ("relay", "--tokens", tokens, "--listen", f"{host}:7337")
    done = in_this_process(*listen, url=NO_SERVER)
    assert (done.code, done.out) == (2, "")
    assert "--tls-cert" in done.err
    assert done.err.count("\n") == 1


def test_bad_option_of_relay_is_refused_in_one_line(tokens: str, tmp_path: Path) -> None:
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
        done = in_this_process("relay", *arguments, url=NO_SERVER)
        assert (done.code, done.out) == (2, "")
        assert words in done.err
        assert done.err.count("\n") == 1
        assert TOKEN not in done.err


def test_relay_option_belongs_to_the_monitor_alone() -> None:
    for arguments in (("ls", "--relay", "ws://127.0.0.1:1"), ("--relay", "ws://127.0.0.1:1", "ls")):
        done = in_this_process(*arguments, url=NO_SERVER)
        assert done.code == 2
        assert "--relay" in done.err


FAST = ("--port", "0", "--history", "40", "--rate", "0")
FIXED = ("--start", "2026-11-24T14:00:00Z", "--time-scale", "0")


@pytest.fixture(scope="module")
def emulator() -> Iterator[Server]:
    with emulated(*FAST, *FIXED) as running:
        yield running


@pytest.mark.parametrize(("key", "slug"), [("tr_dev_emulator", "dev"), ("tr_prod_emulator", "prod")])
def test_ls_works_with_both_emulator_keys(emulator: Server, key: str, slug: str) -> None:
    flags = ("--json", "--expect-env", slug, "--limit", "10")
    done = in_this_process("ls", *flags, url=emulator.url, TRIGGER_SECRET_KEY=key)
    assert (done.code, done.err) == (0, "")
    listed = emulator.get("/api/v1/runs?page[size]=10", key).json()["data"]
    assert [each["id"] for each in done.objects] == [row["id"] for row in listed]


def test_ctrl_c_ends_the_emulator_while_clients_hang() -> None:
    with emulated(*FAST) as running:
        fault = {"faults": [{"kind": "hang", "route": "list"}, {"kind": "latency", "ms": 3_600_000, "route": "queues"}]}
        assert httpx2.post(f"{running.url}/emulator/faults", json=fault, trust_env=False).status_code == 200
        url = httpx2.URL(running.url)
        assert url.port is not None
        connections = [socket.create_connection((url.host, url.port), PATIENCE_S) for _ in range(3)]
        for connection, path in zip(connections, ("runs", "queues", ""), strict=True):
            if path:
                head = f"GET /api/v1/{path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer tr_dev_emulator\r\n\r\n"
                connection.sendall(head.encode())
        # A later request is answered, so the server has received the others.
        assert running.get("/api/v1/whoami").status_code == 200
        assert running.stop() == (130, "")
        for connection in connections:
            with connection:
                connection.recv(1)


def test_taken_port_exits_with_1_and_one_line(emulator: Server) -> None:
    port = str(httpx2.URL(emulator.url).port)
    done = trigger_tui("emulator", "--port", port)
    assert (done.code, done.out) == (1, "")
    assert done.err == f"cannot listen on 127.0.0.1:{port}: Address already in use\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--port", "65536"), "65536"),
        (("--story", "a sad one"), "forgotten-approval"),
        (("--rate", "nan"), "'nan' is not a number"),
        (("--time-scale", "-0.5"), "-0.5"),
        (("--rate", "100", "--time-scale", "21"), "2000 runs a second at most"),
        (("--start", "0001-01-01T00:00:00+14:00"), "not between 2000 and 2100"),
    ],
)
def test_bad_options_print_one_line(capsys: pytest.CaptureFixture[str], arguments: Any, message: str) -> None:
    from tui.commands.output import Output
    from tui.program.main import run

    assert run(Output.for_process({}), ["emulator", *arguments]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert message in err
    assert err.count("\n") == 1


SMALL = 16_384
"""The bytes that a small pipe holds."""


def output_to(err: TextIO) -> Output:
    return Output(StringIO(), err, is_terminal=False, width=80, color=False, ascii_only=False)


@contextmanager
def a_pipe() -> Iterator[tuple[int, TextIO]]:
    """Yield the reading end of a small pipe, and a stream that writes to it."""
    reading, writing = os.pipe()
    fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, SMALL)
    with os.fdopen(writing, "w", encoding="utf-8") as stream:
        try:
            yield reading, stream
        finally:
            os.close(reading)


def test_lines_of_a_full_pipe_are_dropped_and_counted() -> None:
    with a_pipe() as (reading, stream), StderrLines(output_to(stream)) as lines:
        for number in range(3 * MAX_LINES):
            lines.say(f"line {number} {'x' * 50}")
        # The pipe has no reader yet: a blocking write would hang.
        read = b""
        while b"dropped" not in read:
            read += os.read(reading, 65_536)
        lines.say("the last")
        while b"the last" not in read:
            read += os.read(reading, 65_536)
    printed = read.decode().splitlines()
    (note,) = [line for line in printed if "dropped" in line]
    dropped = int(note.split()[0].replace(",", ""))
    assert dropped + len(printed) - 2 == 3 * MAX_LINES
    assert note.endswith("log lines were dropped: stderr did not accept them")
    assert [int(line.split()[1]) for line in printed[:100]] == list(range(100))


def test_end_does_not_wait_for_a_full_pipe() -> None:
    with a_pipe() as (_, stream), StderrLines(output_to(stream)) as lines:
        for _ in range(SMALL // 100):
            lines.say("x" * 200)
