"""Every screen of the monitor, as Textual writes it and as the terminal is sent it, at three sizes."""

import codecs
import os
import sys
from pathlib import Path

import pytest

from tests.perf.screen import Emulator, Screen
from tests.perf.terminal import Terminal
from tests.support.commands import environment
from tests.support.terminal_frames import cells
from tui.kit.terminal.early import DRIVER_VARIABLE, PLAIN_DRIVER
from tui.terminal.cells import Capabilities
from tui.terminal.output import FrugalOutput

ABLE = Capabilities(erases_with_ground=True, scrolls_regions=True, erases_characters=True, repeats=True)
STEPS = (
    ("", "live"),  # the overview, where the size has room for it
    *(("x", ""), ("x", ""), ("j", ""), ("z", ""), ("\x1b[6~", ""), ("j", ""), ("k", ""), ("z", ""), ("2", "")),
    *(("x", ""), ("3", ":attempts"), ("4", ":tree"), ("t", "· waterf"), ("j", ""), ("z", ""), ("z", "")),
    *(("5", ":logs"), ("\x1b", ""), ("x", "")),
    *(("?", "keys"), ("\x1b[6~", ""), ("\x1b", ":runs")),
    *((":", "commands"), ("runs ", "took:"), ("\t", ""), ("fa", "failures"), ("\x1b", ""), ("\x1b", "")),
    *(("f", "server filters"), ("\x1b", ""), ("c", "Columns"), ("j", ""), ("\x1b", "")),
    *(("Y", "shell command"), ("\x1b", ""), ("S", "Save"), ("\x1b", ""), ("'", "No view is saved"), ("\x1b", "")),
    *(("/", ""), ("fa", ""), ("\x1b", ""), (" ", ""), ("R", "Replay"), ("\x1b", "")),
    *(("W", "last hour"), ("\x1b", ":runs"), ("Q", ":queues"), ("j", ""), ("2", ""), ("\x1b", ""), ("\x1b", ":runs")),
    *(("!", ":errors"), ("j", ""), ("2", ""), ("3", ""), ("4", ""), ("\x1b", "")),
    *(("\r", ""), ("\x1b", ""), ("!", ":runs")),
)
"""Keys that lead through all views, panes, dialogs and text fields, each with a text that is shown then."""

QUIET_S = 0.06
"""Long enough for the frame of a key to begin."""

MIN_SAVED = 4
"""Textual writes at least this many times the bytes, over all steps."""


def is_between_frames(received: bytearray) -> bool:
    """Whether the last synchronized update has ended. Only whole frames look alike.

    A terminal that is behind is not sent the rest of a frame once there is a newer one, so that not every one ends.
    """
    return received.rfind(b"\x1b[?2026h") <= received.rfind(b"\x1b[?2026l")


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 60)])
def test_every_screen_is_drawn_cell_by_cell(size: tuple[int, int], tmp_path: Path) -> None:
    columns, lines = size
    env = environment(None, XDG_STATE_HOME=os.fspath(tmp_path), **{DRIVER_VARIABLE: PLAIN_DRIVER})
    decode = codecs.getincrementaldecoder("utf-8")().decode
    frugal = Emulator(Screen(columns, lines))
    output = FrugalOutput(columns, lines, ABLE)
    command = [sys.executable, "-m", "tui", "demo", "--prod", "--time-scale", "0", "--seed", "1", "--history", "150"]
    read = written = sent = 0
    with Terminal(command, size=size, env=env) as terminal:
        terminal.wait_for("Completed")
        for key, shown in STEPS:
            (terminal.send_alone if key == "Y" else terminal.send)(key)
            terminal.wait_for(shown)
            terminal.wait_quiet(QUIET_S)
            terminal.wait_until(lambda: is_between_frames(terminal.received), "the end of a frame")
            new = bytes(terminal.received[read:])
            read += len(new)
            text = output.write(decode(new))
            frugal.feed(text.encode())
            written, sent = written + len(new), sent + len(text.encode())
            assert cells(frugal) == cells(terminal), f"after {key!r}"
    assert sent * MIN_SAVED < written
