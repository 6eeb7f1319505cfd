"""Runs the program as a user does: in a process with pipes or with a terminal, or in this process."""

import atexit
import json
import os
import pty
import select
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from io import StringIO
from typing import Any

import pytest

from tests.support.fleet import SECRET
from tui.commands.output import DEFAULT_WIDTH, Output
from tui.program.main import run
from tui.terminal.cells import CURSOR_REQUEST

PATIENCE_S = 100.0
KEPT_VARIABLES = ("PATH", "HOME", "LANG", "VIRTUAL_ENV", "COVERAGE_FILE", "COVERAGE_PROCESS_CONFIG")
"""The variables of this machine that a command under test inherits; the last two measure its coverage."""


@cache
def _states() -> str:
    """The folder of the states of all programs of this process, which removes it at its end."""
    folder = tempfile.mkdtemp(prefix="trigger-tui-tests-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def environment(url: str | None, **more: str) -> dict[str, str]:
    """Return the environment variables of the process: a key, an address, and none of the machine's own settings."""
    kept = {name: os.environ[name] for name in KEPT_VARIABLES if name in os.environ}
    kept |= {
        "TRIGGER_SECRET_KEY": SECRET,
        "XDG_CONFIG_HOME": os.devnull,
        "XDG_STATE_HOME": tempfile.mkdtemp(dir=_states()),  # no action log and no saved view of the user's own
        "PYTHONWARNINGS": "error",
        "PYTHONIOENCODING": "utf-8",
    }
    if url is not None:
        kept["TRIGGER_API_URL"] = url
    return kept | more


@dataclass(frozen=True)
class Done:
    code: int
    out: str
    err: str

    @property
    def objects(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.out.splitlines()]


def in_this_process(*arguments: str, url: str | None = None, **more: str) -> Done:
    """Run a command in this process, which saves a quarter of a second.

    Use `trigger_tui` for streams, exit codes of the process, and loaded modules.
    """
    out, err = StringIO(), StringIO()
    output = Output(out, err, is_terminal=False, width=DEFAULT_WIDTH, color=False, ascii_only=False)
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment(url, **more).items():
            patch.setenv(name, value)
        return Done(run(output, list(arguments)), out.getvalue(), err.getvalue())


def trigger_tui(*arguments: str, url: str | None = None, env: Mapping[str, str] | None = None) -> Done:
    """Run a command in a process with pipes, to its end."""
    done = subprocess.run(
        [sys.executable, "-m", "tui", *arguments],
        env=dict(env) if env is not None else environment(url),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=PATIENCE_S,
        check=False,
    )
    return Done(done.returncode, done.stdout, done.stderr)


@contextmanager
def killed_if_late(process: "subprocess.Popen[str]") -> Iterator[None]:
    """End a process that prints nothing, so that it does not block the test."""
    late = threading.Timer(PATIENCE_S, process.kill)
    late.start()
    try:
        yield
    finally:
        late.cancel()


class Terminal:
    """The program on a pseudo-terminal, which sends keys and records the screen.

    It reports its cursor position when asked, unless it is `silent`: then the test calls `answer`.
    """

    def __init__(self, *arguments: str, env: Mapping[str, str], columns: int = 80, silent: bool = False) -> None:
        self._silent = silent
        self._answered = 0
        self._master, slave = pty.openpty()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tui", *arguments],
            env={**env, "COLUMNS": str(columns), "TERM": env.get("TERM", "xterm-256color")},
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
        )
        os.close(slave)
        self.screen = b""

    @property
    def descriptor(self) -> int:
        """The test's end of the terminal."""
        return self._master

    def read_until(self, text: str) -> None:
        """Wait until a text is on the screen."""
        ends = time.monotonic() + PATIENCE_S
        while text.encode() not in self.screen:
            assert time.monotonic() < ends, self.screen.decode()
            if not self._read(ends):
                raise AssertionError(f"ended before {text!r}: {self.screen.decode()}")

    def type(self, keys: str) -> None:
        os.write(self._master, keys.encode())

    def end(self) -> int:
        """Read to the end. Return the exit code."""
        ends = time.monotonic() + PATIENCE_S
        while self._read(ends):
            assert time.monotonic() < ends
        os.close(self._master)
        return self.process.wait(PATIENCE_S)

    def _read(self, ends: float) -> bool:
        ready, _, _ = select.select([self._master], [], [], max(0.0, ends - time.monotonic()))
        if not ready:
            return True
        try:
            chunk = os.read(self._master, 65536)
        except OSError:  # on Linux: the other end is closed
            return False
        self.screen += chunk
        if not self._silent and self.screen.count(CURSOR_REQUEST.encode()) > self._answered:
            self.answer()
        return bool(chunk)

    def answer(self) -> None:
        """Report the cursor position."""
        self._answered += 1
        self.type("\x1b[1;1R")
