"""`trigger-tui relay` as a process: its address, its options, its screens, and its end."""

import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from tests.perf.terminal import Terminal
from tests.support.commands import PATIENCE_S, environment, in_this_process, killed_if_late
from tests.support.fleet import SECRET, Fleet, FleetRun, serving
from tests.support.virtual_clock import VirtualClock

NO_SERVER = "http://127.0.0.1:9"
TOKEN = "0123456789abcdef-of-the-wall"
CERTIFICATE = str(Path(__file__).parent.parent / "wire" / "loopback.pem")


@pytest.fixture
def tokens(tmp_path: Path) -> str:
    path = tmp_path / "tokens"
    path.write_text(f"wall {TOKEN}\n")
    path.chmod(0o600)
    return str(path)


class RelayProcess:
    """The process, after it printed its address."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self.process = process
        assert process.stdout is not None
        with killed_if_late(process):
            self.printed = [process.stdout.readline()]
            while self.printed[-1] and "trigger-tui --relay" not in self.printed[-1]:
                self.printed.append(process.stdout.readline())
        found = re.search(r"wss?://\S+:\d+", self.printed[0])
        assert found, (self.printed, process.stderr and process.stderr.read())
        self.url = found[0]

    def stop(self, by: signal.Signals) -> tuple[int, str]:
        self.process.send_signal(by)
        _, err = self.process.communicate(timeout=PATIENCE_S)
        return self.process.returncode, err


@contextmanager
def relay_process(tokens: str, *arguments: str, url: str = NO_SERVER) -> Iterator[RelayProcess]:
    process = subprocess.Popen(
        [sys.executable, "-m", "tui", "relay", "--tokens", tokens, "--listen", "127.0.0.1:0", *arguments],
        env=environment(url),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            yield RelayProcess(process)
        finally:
            process.kill()


def screen(url: str, *flags: str, **more: str) -> Terminal:
    """Start a monitor with a token and without a key."""
    env = environment(None, TRIGGER_TUI_RELAY_TOKEN=TOKEN) | more
    del env["TRIGGER_SECRET_KEY"]
    return Terminal([sys.executable, "-m", "tui", "--relay", url, *flags], env=env)


@pytest.mark.parametrize(("by", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_relay_prints_its_address_and_ends_by_a_signal(tokens: str, by: signal.Signals, code: int) -> None:
    with relay_process(tokens) as running:
        assert running.printed[-1].strip() == f"trigger-tui --relay {running.url}"
        command = " ".join(psutil.Process(running.process.pid).cmdline())
        ended, err = running.stop(by)
        assert ended == code
        assert "Traceback" not in err
        assert not [text for text in (*running.printed, err, command) if TOKEN in text or SECRET in text]


def test_monitor_shows_runs_of_a_relay_over_tls_without_a_key(tokens: str) -> None:
    fleet = Fleet(VirtualClock())
    fleet.add(FleetRun(1, -9, -8, -7, end="FAILED", task="pay-the-bill"))
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


def test_unencrypted_relay_on_another_machine_is_refused() -> None:
    with screen("ws://10.0.0.7:7337") as terminal:
        assert terminal.end() == 2
        assert "unencrypted" in terminal.text
