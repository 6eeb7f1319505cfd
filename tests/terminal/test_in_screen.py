"""What a real GNU screen draws, and what it hands on to the terminal around it."""

import os
import shutil
import sys
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given
from rich.color import ColorSystem

from tests.perf.terminal import Terminal
from tests.support.commands import environment
from tests.support.terminal_frames import COLUMNS, LINES, MODES, RandomProgram, cells, examples, randoms
from tui.kit.painted import osc52
from tui.terminal.cells import PLAIN, Capabilities, Row
from tui.terminal.encoder import change
from tui.terminal.output import FrugalOutput

NEEDED = "TRIGGER_TUI_TESTS_NEED_SCREEN"
"""CI installs GNU screen and sets this variable, so that these tests cannot be skipped there."""

pytestmark = pytest.mark.skipif(
    shutil.which("screen") is None and NEEDED not in os.environ, reason="GNU screen is not installed"
)

TEXT = "".join(f"line {number} of a payload\n" for number in range(120))
ABLE = Capabilities(scrolls_regions=True, scrolls_at_borders=True, erases_characters=True)
FRAMES = 6
DRAW_AGAIN = "\x01l"
PROGRAM = r"""
import os, sys, tty
tty.setraw(0)
os.write(1, b"\x1bP\x1b]2;ready\x07\x1b\\")
for path in iter(sys.stdin.readline, ""):
    with open(path.strip(), "rb") as file:
        data = file.read()
    while data:
        data = data[os.write(1, data):]
"""
"""Writes the files that it is told to."""


class Window:
    """The window of a GNU screen."""

    def __init__(self, folder: Path) -> None:
        program, settings, sockets = folder / "program.py", folder / "settings", folder / "sockets"
        program.write_text(PROGRAM, encoding="utf-8")
        settings.write_text("startup_message off\nautodetach off\n", encoding="utf-8")
        sockets.mkdir(mode=0o700)
        env = environment(None, HOME=os.fspath(folder), SCREENDIR=os.fspath(sockets), LC_ALL="C.UTF-8")
        command = ["screen", "-U", "-c", os.fspath(settings), sys.executable, os.fspath(program)]
        self.terminal = Terminal(command, size=(COLUMNS, LINES), env=env, is_controlling=True)
        self.terminal.wait_for_bytes(b"\x1b]2;ready\x07")
        self._file = folder / "written"
        self._numbers = count()

    def shown(self, text: str) -> list[list[Any]]:
        """Write a text on the cleared window, and return the cells that screen has then."""
        self._write(f"\x1b[0m\x1b[2J{MODES}{text}")
        self.terminal.send(DRAW_AGAIN)
        self._write("")
        return cells(self.terminal)

    def _write(self, text: str) -> None:
        title = f"\x1b]2;{next(self._numbers)}\x07"  # screen hands it on behind what it has drawn
        self._file.write_text(f"{text}\x1bP{title}\x1b\\", encoding="utf-8")
        self.terminal.send(f"{self._file}\n")
        self.terminal.wait_for_bytes(title.encode())


@pytest.fixture(scope="module")
def window(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Window]:
    window = Window(tmp_path_factory.mktemp("screen"))
    with window.terminal:
        yield window


def placed(rows: list[Row]) -> str:
    """The text that writes each cell alone, in its place."""
    cells = ((y, x, cell) for y, row in enumerate(rows) for x, cell in enumerate(row) if cell.width)
    return "".join(f"\x1b[{y + 1};{x + 1}H\x1b[m{change(PLAIN, cell.pen)}{cell.text}" for y, x, cell in cells)


@examples(40)
@given(randoms)
def test_screen_shows_the_wanted_cells(window: Window, random: Random) -> None:
    program, output, sent = RandomProgram(random), FrugalOutput(COLUMNS, LINES, ABLE), ""
    output.colors = ColorSystem.EIGHT_BIT
    for _ in range(FRAMES):
        program.frame().draw_on(output)
        sent += output.take()
    assert window.shown(sent) == window.shown(placed(output.rows))


def test_long_text_reaches_the_clipboard_through_screen(tmp_path: Path) -> None:
    sockets, written = tmp_path / "sockets", tmp_path / "written"
    sockets.mkdir(mode=0o700)
    written.write_text(osc52(TEXT, {"STY": "1", "TERM": "screen"}), encoding="ascii")
    env = environment(None, HOME=os.fspath(tmp_path), SCREENDIR=os.fspath(sockets))
    command = ["screen", "-c", os.devnull, "cat", os.fspath(written)]
    with Terminal(command, size=(80, 24), env=env, is_controlling=True) as terminal:
        terminal.wait_for_bytes(osc52(TEXT, {}).encode())
        terminal.end()
