"""The programs that are measured: the monitor on an emulator, bare Textual apps, and other terminal programs."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Final

from tests.perf.figures.row import PEERS
from tests.perf.link import Link
from tests.perf.terminal import Terminal

ROOT: Final = Path(__file__).parents[3]
XTERM: Final = "XTerm(390)"
"""The name that the terminal answers, as a common one that knows REP."""

STILL: Final = (
    "--seed",
    "0",
    "--start",
    "2026-11-24T13:49:00Z",
    "--time-scale",
    "0",
    "--rate",
    "0",
    "--history",
    "1000",
)
"""An emulator whose 1,000 runs never change."""

COMMITS: Final = 1000

DOWN: Final = "\x1b[B"
UP: Final = "\x1b[A"
PAGE_DOWN: Final = "\x1b[6~"

BARE: Final = """
from textual.app import App
from textual.widgets import Static


class Bare(App):
    BINDINGS = [("q", "quit", "Quit")]

    def compose(self):
        yield Static("first text")


Bare().run()
"""
BARE_TABLE: Final = """
from textual.app import App
from textual.widgets import DataTable


class BareTable(App):
    BINDINGS = [("q", "quit", "Quit")]

    def compose(self):
        yield DataTable(cursor_type="row")

    def on_mount(self):
        table = self.query_one(DataTable)
        table.add_columns("status", "task", "run", "took", "age", "version", "tags")
        for number in range(1000):
            table.add_row("Completed", f"task-{number % 40}", f"run_{number:04}", "1.2s", "3m", "20261124.1", "a  b")


BareTable().run()
"""


@dataclass(frozen=True, slots=True)
class Program:
    """A command, and the text on the screen that shows that it is ready."""

    name: str
    command: Sequence[str]
    ready: str
    env: Mapping[str, str] = field(default_factory=dict)

    @contextmanager
    def running(self, link: Link | None = None) -> Iterator[Terminal]:
        """Start it on a terminal of 120x40. Does not wait until it is ready."""
        with Terminal(
            self.command, env={**environment(), **self.env}, name=XTERM, link=link, is_controlling=True
        ) as started:
            yield started

    @contextmanager
    def ready_on(self, link: Link | None = None) -> Iterator[Terminal]:
        """Start it, and wait until it is ready."""
        with self.running(link) as started:
            started.wait_for(self.ready)
            yield started


def environment() -> dict[str, str]:
    """Return the environment of a user: compiled modules are kept, and the program comes from this tree."""
    kept = {name: value for name, value in os.environ.items() if name not in {"PYTHONDONTWRITEBYTECODE", "TMUX"}}
    return kept | {"PYTHONPATH": str(ROOT)}


def monitor(url: str, state: Path, *flags: str) -> Program:
    """Return the monitor of the emulator at `url`."""
    env = {"TRIGGER_API_URL": url, "TRIGGER_SECRET_KEY": "tr_dev_emulator", "XDG_STATE_HOME": str(state)}
    return Program("trigger-tui", [sys.executable, "-m", "tui", *flags], "Completed", env)


def filled(runs: int, changes_per_s: int = 0, *, are_failed: bool = False) -> Program:
    """Return the monitor with generated runs and no server. `are_failed`: all of them failed in the last hours."""
    command = [sys.executable, "-m", "tests.perf.filled", str(runs), str(changes_per_s), *(["failed"] * are_failed)]
    return Program("trigger-tui", command, "sync-")


@contextmanager
def on_emulator(*options: str) -> Iterator[Callable[..., Program]]:
    """Run an emulator. Yield a function that returns the monitor of it, with flags."""
    command = [sys.executable, "-m", "tui", "emulator", "--port", "0", *options]
    with (
        tempfile.TemporaryDirectory() as state,
        subprocess.Popen(command, env=environment(), stdout=subprocess.PIPE, text=True) as program,
    ):
        assert program.stdout is not None
        try:
            url = next(word for word in program.stdout.readline().split() if word.startswith("http://"))
            yield lambda *flags: monitor(url, Path(state), *flags)
        finally:
            program.terminate()


def bare(source: str = BARE) -> Program:
    """Return a Textual app without anything of ours."""
    return Program("bare", [sys.executable, "-c", source], "first text" if source == BARE else "run_0001")


@cache
def peers() -> tuple[Program, ...]:
    """Return the other programs that are installed. tig shows the history of a generated repository."""
    commands = {
        "htop": Program("htop", ["htop"], "Tasks:"),
        "tig": Program("tig", ["tig", "-C", _repository().name], f"change {COMMITS - 1}"),
        "btop": Program("btop", ["btop"], "cpu"),
    }
    return tuple(commands[name] for name in PEERS if shutil.which(name))


@cache
def _repository() -> "tempfile.TemporaryDirectory[str]":
    """Create a repository, which is deleted at the end of the process."""
    folder = tempfile.TemporaryDirectory()
    subprocess.run(["git", "init", "--quiet", folder.name], check=True)
    commits = "".join(
        f"commit refs/heads/main\ncommitter An Author <a@example.com> {1_700_000_000 + number} +0000\n"
        f"data <<E\nchange {number}\nE\n"
        for number in range(COMMITS)
    )
    subprocess.run(["git", "-C", folder.name, "fast-import", "--quiet"], input=commits, text=True, check=True)
    subprocess.run(["git", "-C", folder.name, "symbolic-ref", "HEAD", "refs/heads/main"], check=True)
    return folder
