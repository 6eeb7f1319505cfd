"""The same frames, as a program writes them and as the terminal is sent them, in two panes of a real tmux."""

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.ansi import AnsiDecoder
from rich.color import ColorSystem
from rich.console import Console
from rich.segment import Segment

from tests.support.terminal_frames import ALL, COLUMNS, LINES, MODES, RandomProgram, examples, randoms
from tui.terminal.cells import DISPUTED_CHARACTERS, PLAIN, SHOWS_ON_BLANKS, Capabilities, Pen
from tui.terminal.encoder import pen_of
from tui.terminal.output import FrugalOutput

TIMEOUT_S = 100.0
FRAMES = 6
NEEDED = "TRIGGER_TUI_TESTS_NEED_TMUX"
"""CI installs tmux and sets this variable, so that these tests cannot be skipped there."""

pytestmark = pytest.mark.skipif(
    shutil.which("tmux") is None and NEEDED not in os.environ, reason="tmux is not installed"
)

PROGRAM = r"""
import os, socket, sys, tty
tty.setraw(0)
connection = socket.socket(socket.AF_UNIX)
connection.connect(sys.argv[1])
requests = connection.makefile("rb")
while size := requests.readline():
    data = requests.read(int(size)) + b"\x1b[6n"
    while data:
        data = data[os.write(1, data):]
    while not os.read(0, 100).endswith(b"R"):
        pass
    connection.sendall(b"\n")
"""
"""Writes what it is told, and answers once the terminal has reported the cursor behind it."""

_OTHER_UNDERLINES = {"5:3m": "53m", "5:3;": "53;", "4:2m": "21m", "4:2;": "21;"}
"""What rich does not read of tmux."""


Seen = tuple[str, Pen]


def seen(text: str, pen: Pen) -> Seen:
    """What is seen of a character: of a blank only its ground, and of a link nothing."""
    is_blank = text == " " and not pen.flags & SHOWS_ON_BLANKS
    return text, Pen(ground=pen.ground) if is_blank else pen._replace(link="")


def without_end(row: list[Seen]) -> list[Seen]:
    """The row without second cells of wide characters, and without blanks at its end."""
    row = [each for each in row if each[0]]
    while row and row[-1] == (" ", PLAIN):
        row.pop()
    return row


class Pane:
    """A pane of a tmux server of its own."""

    def __init__(self, folder: Path, name: str) -> None:
        self._socket = folder / f"{name}.tmux"
        program, path = folder / "program.py", folder / f"{name}.socket"
        program.write_text(PROGRAM, encoding="utf-8")
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(path))
            listener.listen(1)
            listener.settimeout(TIMEOUT_S)
            command = f"'{sys.executable}' '{program}' '{path}'"
            self._run("new-session", "-d", "-s", name, "-x", str(COLUMNS), "-y", str(LINES), command)
            self._run("set-option", "-g", "status", "off")
            self._connection, _ = listener.accept()
        self._connection.settimeout(TIMEOUT_S)

    def _run(self, *arguments: str) -> str:
        env = {**os.environ, "TERM": "xterm-256color"}
        env.pop("TMUX", None)
        command = ["tmux", "-f", "/dev/null", "-S", str(self._socket), *arguments]
        return subprocess.run(command, env=env, capture_output=True, text=True, check=True, timeout=TIMEOUT_S).stdout

    def write(self, text: str) -> None:
        """Write text, and wait until tmux has drawn it."""
        data = text.encode()
        self._connection.sendall(b"%d\n%b" % (len(data), data))
        assert self._connection.recv(1)

    def resize(self, columns: int, lines: int) -> None:
        """Resize the pane."""
        self._run("resize-window", "-x", str(columns), "-y", str(lines))

    def shown(self) -> list[list[Seen]]:
        """The characters and pens of all rows. Links are left out: tmux captures some of them wrongly."""
        decoder, console, rows = AnsiDecoder(), Console(), []
        captured = self._run("capture-pane", "-e", "-p", "-N")
        for other, usual in _OTHER_UNDERLINES.items():
            captured = captured.replace(other, usual)
        for line in captured.split("\n"):
            text = decoder.decode_line(line)
            styles = [text.get_style_at_offset(console, at) for at in range(len(text))]
            pens = [pen_of(style, ColorSystem.TRUECOLOR) for style in styles]
            rows.append(without_end([*map(seen, text.plain, pens)]))
        return rows

    def start(self, able: Capabilities) -> FrugalOutput:
        """Clear the pane, and return an output to it."""
        output = FrugalOutput(COLUMNS, LINES, able)
        self.resize(COLUMNS, LINES)
        self.write(f"\x1bc\x1b[?1049h\x1b[2J{MODES}")
        return output

    def close(self) -> None:
        """End the server."""
        self._run("kill-server")
        self._connection.close()


@pytest.fixture(scope="module")
def panes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Pane, Pane]]:
    """Two panes, each with a program that writes what it is told."""
    folder = tmp_path_factory.mktemp("tmux")
    plain, frugal = Pane(folder, "plain"), Pane(folder, "frugal")
    try:
        yield plain, frugal
    finally:
        plain.close()
        frugal.close()


def able_in_tmux(random: Random) -> Capabilities:
    """What tmux can do, scrolling in one of two ways."""
    return Capabilities(
        erases_with_ground=True,
        scrolls_regions=random.random() < 0.5,
        scrolls_at_borders=True,
        erases_characters=True,
        repeats=True,
    )


@examples(20)
@given(randoms, st.booleans())
def test_both_ways_draw_the_same_cells_in_tmux(panes: tuple[Pane, Pane], random: Random, has_unsure: bool) -> None:
    plain, frugal = panes
    program = RandomProgram(random, has_unsure=has_unsure, cuts_wide=False)
    output = FrugalOutput(COLUMNS, LINES, able_in_tmux(random))
    for pane in panes:
        pane.resize(COLUMNS, LINES)
        pane.write(f"\x1bc\x1b[?1049h\x1b[2J{MODES}")
    for number in range(FRAMES):
        if number and random.random() < 0.1:
            columns, lines = program.resize()
            output.resize(columns, lines)
            for pane in panes:
                pane.resize(columns, lines)
            plain.write("\x1b[0m\x1b[2J")
        frame = program.frame()
        plain.write(frame.placed)
        frame.draw_on(output)
        frugal.write(output.take())
    assert frugal.shown() == plain.shown()


def test_text_behind_a_disputed_character_has_its_column_in_tmux(panes: tuple[Pane, Pane]) -> None:
    """tmux draws some of them on two columns."""
    _, pane = panes
    output = pane.start(ALL)
    for character in sorted(DISPUTED_CHARACTERS):
        output.draw(1, 0, [Segment(f"{character}ab")])
        pane.write(output.take())
        output.draw(1, 2, [Segment("X")])
        pane.write(output.take())
        assert [text for text, _ in pane.shown()[1]][-2:] == ["a", "X"], ascii(character)
