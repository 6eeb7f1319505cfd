"""`emulator` in a process: its output, its requests, and its end."""

import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx2
import pytest

from tests.support.commands import PATIENCE_S, environment, killed_if_late, trigger_tui

FAST = ("--port", "0", "--history", "40", "--rate", "0")
FIXED = ("--start", "2026-11-24T14:00:00Z", "--time-scale", "0")


class Emulated:
    """A running emulator that has printed its address; `printed` is its output so far."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self.process = process
        assert process.stdout is not None
        with killed_if_late(process):
            self.printed = [process.stdout.readline()]
            while self.printed[-1] and "/emulator/world" not in self.printed[-1]:
                self.printed.append(process.stdout.readline())
        found = re.search(r"http://127\.0\.0\.1:\d+", self.printed[0])
        assert found, (self.printed, process.stderr and process.stderr.read())
        self.url = found[0]

    def get(self, path: str, key: str = "tr_dev_emulator", **more: Any) -> httpx2.Response:
        headers = {"authorization": f"Bearer {key}"}
        return httpx2.get(self.url + path, headers=headers, trust_env=False, timeout=PATIENCE_S, **more)

    def end(self, by: signal.Signals = signal.SIGINT) -> tuple[int, str]:
        """Send a signal. Return the exit code and stderr."""
        self.process.send_signal(by)
        _, err = self.process.communicate(timeout=PATIENCE_S)
        return self.process.returncode, err


@contextmanager
def emulated(*arguments: str, **env: str) -> Iterator[Emulated]:
    with started(*arguments, **env) as process:
        yield Emulated(process)


@contextmanager
def started(*arguments: str, **env: str) -> Iterator["subprocess.Popen[str]"]:
    process = subprocess.Popen(
        [sys.executable, "-m", "tui", "emulator", *arguments],
        env=environment(None, **env),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            yield process
        finally:
            process.kill()


@pytest.fixture(scope="module")
def emulator() -> Iterator[Emulated]:
    with emulated(*FAST, *FIXED) as running:
        yield running


# --- output


def test_emulator_prints_how_to_connect(emulator: Emulated) -> None:
    printed = "".join(emulator.printed)
    for line in (
        f"export TRIGGER_API_URL={emulator.url}\n",
        "export TRIGGER_SECRET_KEY=tr_dev_emulator",
        "tr_prod_emulator: PRODUCTION",
        "trigger-tui ls\n",
    ):
        assert line in printed
    assert max(map(len, emulator.printed)) <= 80


@pytest.mark.parametrize(("key", "slug"), [("tr_dev_emulator", "dev"), ("tr_prod_emulator", "prod")])
def test_ls_works_with_both_emulator_keys(emulator: Emulated, key: str, slug: str) -> None:
    env = environment(emulator.url, TRIGGER_SECRET_KEY=key)
    done = trigger_tui("ls", "--json", "--expect-env", slug, "--limit", "10", env=env)
    assert (done.code, done.err) == (0, "")
    listed = emulator.get("/api/v1/runs?page[size]=10", key).json()["data"]
    assert [each["id"] for each in done.objects] == [row["id"] for row in listed]


# --- seed


# --- end


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
        assert running.end() == (130, "")
        for connection in connections:
            with connection:
                connection.recv(1)


def test_taken_port_exits_with_1_and_one_line(emulator: Emulated) -> None:
    port = str(httpx2.URL(emulator.url).port)
    done = trigger_tui("emulator", "--port", port)
    assert (done.code, done.out) == (1, "")
    assert done.err == f"cannot listen on 127.0.0.1:{port}: Address already in use\n"


# --- options and loaded modules


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--port", "65536"), "65536"),
        (("--rate", "1001"), "1001"),
        (("--story", "a sad one"), "forgotten-approval"),
        (("--rate", "nan"), "'nan' is not a number"),
        (("--time-scale", "-0.5"), "-0.5"),
        (("--rate", "100", "--time-scale", "21"), "2000 runs a second at most"),
        (("--history", "1000001"), "1000001"),
        (("--start", "yesterday"), "not a time with a zone"),
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


def test_help_does_not_load_the_server() -> None:
    code = (
        "import sys; sys.argv = ['trigger-tui', 'emulator', '--help']\n"
        "from tui.program import main\n"
        "try:\n main()\n"
        "finally:\n print(sorted({'starlette', 'uvicorn', 'textual', 'httpx2', 'sqlite3', 'jwt'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=environment(None),
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert done.returncode == 0
    *shown, loaded = done.stdout.splitlines()
    assert loaded == "[]"
    assert {"--seed", "--rate", "--story", "--history", "--time-scale", "--port"} <= set(
        re.findall(r"--[a-z-]+", "\n".join(shown))
    )
