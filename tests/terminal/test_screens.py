"""Every screen of the monitor, as Textual writes it and as the terminal is sent it, at three sizes."""

import codecs
import sys

import pytest

from tests.perf.screen import Emulator, Screen
from tests.perf.terminal import Terminal
from tests.support.commands import environment
from tests.support.terminal_frames import cells
from tui.terminal.capabilities import Capabilities
from tui.terminal.output import FrugalOutput
from tui.ui.terminal.modes import DRIVER_VARIABLE, PLAIN_DRIVER

ABLE = Capabilities(erases_with_ground=True, scrolls_regions=True, erases_characters=True, repeats=True)
STEPS = (
    "x",
    "x",
    "j",
    "z",
    "\x1b[6~",
    "j",
    "k",
    "z",
    "2",
    "3",
    "4",
    "?",
    "\x1b",
    ":",
    "\x1b",
    "f",
    "\x1b",
    "/",
    "fa",
    "\x1b",
    "R",
    "\x1b",
    "!",
    "j",
    "2",
    "3",
    "4",
    "\x1b",
    "\r",
    "\x1b",
    "!",
)
"""Keys that lead through the list, all panes, the help, the palette, the dialogs, a text field and the errors."""

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
def test_every_screen_is_drawn_cell_by_cell(size: tuple[int, int]) -> None:
    columns, lines = size
    decode = codecs.getincrementaldecoder("utf-8")().decode
    plain, frugal = Emulator(Screen(columns, lines)), Emulator(Screen(columns, lines))
    output = FrugalOutput(columns, lines, ABLE)
    command = [sys.executable, "-m", "tui", "demo", "--prod", "--time-scale", "0", "--seed", "1", "--history", "150"]
    read = written = sent = 0
    with Terminal(command, size=size, env=environment(None, **{DRIVER_VARIABLE: PLAIN_DRIVER})) as terminal:
        terminal.wait_for("Completed")
        for key in ("", *STEPS):
            terminal.send(key)
            terminal.wait_quiet(QUIET_S)
            terminal.wait_until(lambda: is_between_frames(terminal.received), "the end of a frame")
            new = bytes(terminal.received[read:])
            read += len(new)
            text = output.write(decode(new))
            plain.feed(new)
            frugal.feed(text.encode())
            written, sent = written + len(new), sent + len(text.encode())
            assert cells(frugal) == cells(plain), f"after {key!r}"
    assert sent * MIN_SAVED < written
