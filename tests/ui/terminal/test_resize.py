"""The screen is complete after the terminal's size has changed, and bounded whatever size it reports."""

import os
import sys
from typing import Final

from tests.perf.terminal import Terminal
from tui.kit.terminal.early import FALLBACK_SIZE, MAX_CELLS, MAX_COLUMNS

SIZE: Final = (40, 5)

PROGRAM: Final = f"""
import fcntl, struct, sys, termios
from textual.app import App
from textual.widgets import Static
from tui.kit.driver import TerminalDriver

class TwoLines(App):
    def compose(self):
        yield Static("first line")
        yield Static("second line", id="second")

    def on_key(self):
        # Both signals are handled before the app reads the first size.
        for columns in ({SIZE[0]} + 1, {SIZE[0]}):
            fcntl.ioctl(1, termios.TIOCSWINSZ, struct.pack("HHHH", {SIZE[1]}, columns, 0, 0))
            self._driver._report_size()
        self.query_one("#second").update("changed line")

TwoLines(driver_class=TerminalDriver).run()
"""


def test_screen_is_complete_after_a_size_returns() -> None:
    env = {**os.environ, "TEXTUAL_FPS": "60"}  # at one paint a second, the first frame might come late and hide a loss
    with Terminal([sys.executable, "-c", PROGRAM], size=SIZE, env=env) as terminal:
        terminal.wait_for("second line")
        terminal.wait_quiet()
        terminal.send("x")
        terminal.wait_for("changed line")
        terminal.wait_for("first line")
        terminal.send("\x11")
        assert terminal.end() == 0


ABSURD: Final = f"""
import fcntl, struct, termios
from textual.app import App
from textual.widgets import Static
from tui.kit.driver import TerminalDriver

class Sizes(App):
    sizes = [(65_535, 65_535), (0, 0), {SIZE}]

    def compose(self):
        yield Static("ready")

    def on_key(self):
        columns, rows = self.sizes.pop(0)
        fcntl.ioctl(1, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self._driver._report_size()

    def on_resize(self, event):
        self.query_one(Static).update(f"drawn {{event.size.width}} by {{event.size.height}}")

Sizes(driver_class=TerminalDriver).run()
"""


def test_absurd_size_is_drawn_in_part_and_keys_work() -> None:
    with Terminal([sys.executable, "-c", ABSURD], size=SIZE, env={**os.environ, "TEXTUAL_FPS": "60"}) as terminal:
        terminal.wait_for(f"drawn {SIZE[0]} by {SIZE[1]}")
        terminal.screen.resize(MAX_CELLS // MAX_COLUMNS, MAX_COLUMNS)
        terminal.send("x")
        terminal.wait_for(f"drawn {MAX_COLUMNS} by {MAX_CELLS // MAX_COLUMNS}")
        terminal.send("x")
        terminal.wait_for(f"drawn {FALLBACK_SIZE[0]} by {FALLBACK_SIZE[1]}")
        terminal.send("x")
        terminal.wait_for(f"drawn {SIZE[0]} by {SIZE[1]}")
        terminal.send("\x11")
        assert terminal.end() == 0
