"""The same frames, as a program writes them and as the terminal is sent them, in two panes of a real tmux."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings

from tests.perf.screen import Emulator, Screen
from tests.support.terminal_frames import COLUMNS, LINES, MODES, cells, frames
from tui.terminal.capabilities import Capabilities
from tui.terminal.output import FrugalOutput

TIMEOUT_S = 20.0
NEEDED = "TRIGGER_TUI_TESTS_NEED_TMUX"
"""CI installs tmux and sets this variable, so that these tests cannot be skipped there."""

pytestmark = pytest.mark.skipif(
    shutil.which("tmux") is None and NEEDED not in os.environ, reason="tmux is not installed"
)


class Tmux:
    """A tmux server of its own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._count = 0

    def run(self, *arguments: str) -> str:
        """Run a tmux command; returns its output."""
        env = {**os.environ, "TERM": "xterm-256color"}
        env.pop("TMUX", None)
        command = ["tmux", "-f", "/dev/null", "-S", str(self._folder / "socket"), *arguments]
        return subprocess.run(command, env=env, capture_output=True, text=True, check=True, timeout=TIMEOUT_S).stdout

    def shown(self, written: str) -> list[list[object]]:
        """The cells of a pane of COLUMNS x LINES after a program wrote this."""
        self._count += 1
        name, file = f"s{self._count}", self._folder / f"{self._count}.txt"
        file.write_text(written, encoding="utf-8", newline="")
        done = f"tmux -S '{self._folder / 'socket'}' wait-for -S {name}"
        self.run(
            "new-session", "-d", "-s", name, "-x", str(COLUMNS), "-y", str(LINES), f"cat '{file}'; {done}; sleep 60"
        )
        self.run("wait-for", name)
        captured = self.run("capture-pane", "-e", "-p", "-N", "-t", name)
        self.run("kill-session", "-t", name)
        terminal = Emulator(Screen(COLUMNS, LINES))
        for y, row in enumerate(captured.split("\n")[:LINES]):
            terminal.feed(f"\x1b[{y + 1}H{row}".encode())
        return cells(terminal)


@pytest.fixture(scope="module")
def tmux(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tmux]:
    """A server with a session that keeps it alive, without a status line."""
    server = Tmux(tmp_path_factory.mktemp("tmux"))
    server.run("new-session", "-d", "-s", "keeper", "sleep 600")
    server.run("set-option", "-g", "status", "off")
    try:
        yield server
    finally:
        server.run("kill-server")


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(frames())
def test_both_ways_draw_the_same_cells_in_tmux(tmux: Tmux, frames: list[str]) -> None:
    able = Capabilities(erases_with_ground=True, scrolls_regions=True, erases_characters=True)
    output = FrugalOutput(COLUMNS, LINES, able)
    sent = output.write(MODES) + "".join(map(output.write, frames))
    assert tmux.shown(sent) == tmux.shown(MODES + "".join(frames))
