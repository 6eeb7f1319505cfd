"""Every screen of the monitor, as Textual paints it and as the terminal is sent it."""

import os
import sys
from pathlib import Path

from tests.perf.screen import Emulator, Screen
from tests.perf.terminal import Terminal
from tests.support.commands import environment
from tests.support.terminal_frames import cells

BOTH = """
import os
from tui.kit.terminal import early
from tui.program.main import main
from tui.terminal.cells import Capabilities
from tui.terminal.output import FrugalOutput

ABLE = Capabilities(erases_with_ground=True, scrolls_regions=True, erases_characters=True, repeats=True)

class Both(FrugalOutput):
    drawn = ""

    def draw(self, y, x, segments):
        segments = list(segments)
        texts = (text if style is None else style.render(text) for text, style, _ in segments)
        self.drawn += f"\\x1b[{y + 1};{x + 1}H" + "".join(texts)
        super().draw(y, x, segments)

    def take(self):
        with open(os.environ["FRUGAL"], "ab") as file:
            file.write(super().take().encode())
        drawn, self.drawn = self.drawn, ""
        return drawn and f"\\x1b[?2026h{drawn}\\x1b[?2026l"

early.screen_output = lambda columns, lines: Both(columns, lines, ABLE)
main()
"""
"""The monitor, which sends its terminal all that is painted, and writes to a file what it would be sent usually."""

STEPS = (
    ("", "live"),  # the overview, where the size has room for it
    *(("x", ""), ("z", ""), ("\x1b[6~", ""), ("k", ""), ("z", ""), ("2", "")),
    *(("3", ":attempts"), ("4", ":tree"), ("t", "· waterf"), ("j", ""), ("z", ""), ("z", "")),
    *(("5", ":logs"), ("\x1b", "")),
    *(("?", "keys"), ("\x1b[6~", ""), ("\x1b", ":runs")),
    *((":", "commands"), ("runs ", "took:"), ("\t", ""), ("fa", "failed"), ("\x1b", ""), ("\x1b", "")),
    *(("f", "server filters"), ("\x1b", ""), ("c", "Columns"), ("j", ""), ("\x1b", "")),
    *(("Y", "shell command"), ("\x1b", ""), ("S", "Save"), ("\x1b", ""), ("'", "No view is saved"), ("\x1b", "")),
    *(("/", ""), ("fa", ""), ("\x1b", ""), (" ", ""), ("R", "Replay"), ("\x1b", "")),
    *(("W", "last hour"), ("\x1b", ":runs"), ("Q", ":queues"), ("j", ""), ("2", ""), ("\x1b", ""), ("\x1b", ":runs")),
    *(("!", ":errors"), ("j", ""), ("2", ""), ("3", ""), ("4", "")),
)
"""Keys that lead through all views, panes, dialogs and text fields, each with a text that is shown then."""

SIZE = (120, 40)
"""Random frames have other sizes in `test_frames.py`; here it is about the styles of real screens."""

QUIET_S = 0.06
"""Long enough for the frame of a key to begin."""

MIN_SAVED = 4
"""Textual writes at least this many times the bytes, over all steps."""


def is_between_frames(received: bytearray) -> bool:
    """Whether the last synchronized update has ended. Only whole frames look alike.

    A terminal that is behind is not sent the rest of a frame once there is a newer one, so that not every one ends.
    """
    return received.rfind(b"\x1b[?2026h") <= received.rfind(b"\x1b[?2026l")


def test_every_screen_is_drawn_cell_by_cell(tmp_path: Path) -> None:
    frugal, file = Emulator(Screen(*SIZE)), tmp_path / "frugal"
    env = environment(None, XDG_STATE_HOME=os.fspath(tmp_path), FRUGAL=os.fspath(file))
    options = ["demo", "--prod", "--time-scale", "0", "--seed", "1", "--history", "150"]
    sent = 0

    def is_same() -> bool:
        nonlocal sent
        data = file.read_bytes()
        frugal.feed(data[sent:])
        sent = len(data)
        return is_between_frames(terminal.received) and cells(frugal) == cells(terminal)

    with Terminal([sys.executable, "-c", BOTH, *options], size=SIZE, env=env) as terminal:
        terminal.wait_for("Completed")
        for key, shown in STEPS:
            (terminal.send_alone if key == "Y" else terminal.send)(key)
            terminal.wait_for(shown)
            terminal.wait_quiet(QUIET_S)
            terminal.wait_until(is_same, f"the same screen after {key!r}")
        assert sent * MIN_SAVED < len(terminal.received)
