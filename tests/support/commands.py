"""Runs the program as a user does: in a process with pipes or with a terminal, or in this process."""

import atexit
import json
import os
import pty
import shutil
import subprocess
import sys
import tempfile
import termios
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from io import StringIO
from typing import Any

import pytest

from tests.perf.terminal import Terminal
from tests.support.fleet import SECRET
from tui.commands.output import DEFAULT_WIDTH, Output
from tui.program.main import run

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


@dataclass
class User:
    """The other end of the terminal: it types each text after the output it waits for, then reads to the end."""

    screen: int
    shown: bytes = b""

    def begin(self, *steps: tuple[bytes, bytes]) -> None:
        threading.Thread(target=self._act, args=(steps,), daemon=True).start()

    def _act(self, steps: tuple[tuple[bytes, bytes], ...]) -> None:
        for wanted, typed in steps:
            while wanted not in self.shown:
                self.shown += os.read(self.screen, 500)
            os.write(self.screen, typed)


@contextmanager
def asking() -> Iterator[tuple[Output, User]]:
    """Yield an output that asks at a terminal, and the user there."""
    ours, theirs = pty.openpty()
    with os.fdopen(theirs, "w", encoding="utf-8") as out, os.fdopen(os.dup(theirs), encoding="utf-8") as keys:
        mode = termios.tcgetattr(theirs)
        output = Output(out, out, is_terminal=True, width=80, color=False, ascii_only=False, keyboard=keys)
        yield output, User(ours)
        assert termios.tcgetattr(theirs) == mode, "the terminal has its mode back"
    os.close(ours)


def answered(*arguments: str, url: str, question: bytes, answer: bytes) -> int:
    """Run a command in this process, whose user answers a question once it is shown. Return the exit code."""
    with pytest.MonkeyPatch.context() as patch, asking() as (output, user):
        for name, value in environment(url, TERM="xterm").items():
            patch.setenv(name, value)
        user.begin((question, answer))
        return run(output, list(arguments))


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


def on_terminal(*arguments: str, env: Mapping[str, str], columns: int = 80, holds_cursor: bool = False) -> Terminal:
    """Run a command in a process on a terminal of 16 colours, unless the environment names another one."""
    variables = [f"TERM={env.get('TERM', 'xterm-256color')}", f"COLUMNS={columns}"]
    command = ["env", "-u", "COLORTERM", *variables, sys.executable, "-m", "tui", *arguments]
    return Terminal(command, size=(columns, 24), env=env, holds_cursor=holds_cursor)
