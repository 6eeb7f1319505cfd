"""The example of the room's README runs as it is written."""

import os
import re
import sys
from pathlib import Path

import tui.terminal
from tests.perf.terminal import Terminal

MAX_START_BYTES = 1_500
MAX_KEY_BYTES = 150


def test_example_of_the_readme_runs(tmp_path: Path) -> None:
    folder = Path(tui.terminal.__path__[0])
    text = (folder / "README.md").read_text(encoding="utf-8")
    program = tmp_path / "squares.py"
    program.write_text(max(re.findall(r"```python\n(.*?)```", text, re.DOTALL), key=len), encoding="utf-8")
    env = {**os.environ, "PYTHONPATH": str(folder.parents[1])}
    with Terminal([sys.executable, str(program)], size=(80, 24), env=env) as terminal:
        terminal.wait_for("square", "21")
        # The scroll bar comes last, in a frame of its own on a busy machine.
        terminal.wait_until(lambda: len({cell.bg for cell in terminal.screen.snapshot()[-1]}) > 1, "the scroll bar")
        terminal.wait_quiet()
        assert len(terminal.received) < MAX_START_BYTES
        before = [row[2].bg for row in terminal.screen.snapshot()]
        key = terminal.press("\x1b[B", lambda: [row[2].bg for row in terminal.screen.snapshot()] != before)
        assert key.bytes < MAX_KEY_BYTES
        assert terminal.lines[2].startswith(" 1 ")
        terminal.send("\x11")
        assert terminal.end() == 0
        assert terminal.text.strip() == "", "the screen before the program is shown again"
