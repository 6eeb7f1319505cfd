"""The command line in a real terminal: keys that are typed fast, and pasted lines."""

import shlex
import subprocess
import sys
from pathlib import Path

from tests.perf.terminal import Terminal
from tests.support.commands import environment
from tests.support.emulator.server import run_emulator
from tui.emulator.environment import DEVELOPMENT

PASTE = "\x1b[200~{}\x1b[201~"
CLEAR = "\x15"


def test_lines_are_typed_pasted_and_run_in_a_terminal(tmp_path: Path) -> None:
    with run_emulator() as api:
        ids = [api.trigger("hello") for _ in range(3)]
        api.trigger("slow", tags=["$(touch x)"])
        api.advance(5)
        env = environment(api.url, TRIGGER_SECRET_KEY=DEVELOPMENT.key, XDG_STATE_HOME=str(tmp_path))
        with Terminal([sys.executable, "-m", "tui", "--no-realtime"], env=env, size=(80, 24)) as terminal:
            terminal.wait_for("hello", ": commands")
            # All in one write: each key belongs to the screen that the keys before it have opened.
            terminal.send(":runs task:hel\r:sort task\rj")
            terminal.wait_for("/task:hello", "by task", "▌ ")
            terminal.send(":")
            terminal.wait_for("Esc leave")
            # A pasted line end is no Enter, and no sequence of a terminal stays one.
            terminal.send(PASTE.format("runs\rsort took\n\x1b]0;x\x07q\r"))
            terminal.wait_for("runs sort took ]0;xq")
            assert "/task:hello" in terminal.lines[1]
            terminal.send(f"{CLEAR}run {ids[0][-4:]}")
            terminal.wait_for(f"trigger-tui show {ids[0]}")
            terminal.send(f"{CLEAR}runs tag:$")
            terminal.wait_for("$(touch x)", "trigger-tui ls --tag '$(touch x)'")
            command = shlex.split("ls --tag '$(touch x)'")
            found = subprocess.run(
                [sys.executable, "-m", "tui", *command], env=env, capture_output=True, text=True, check=True
            )
            assert "slow" in found.stdout
            assert "hello" not in found.stdout
            terminal.send("\r")
            terminal.wait_for("/tag:")
            terminal.send("\x7f")
            terminal.wait_for("/task:hello")
            terminal.send("\x7f\x7f")  # also the order is that of the view before
            terminal.wait_until(lambda: "/task:hello" not in terminal.lines[1], "the view before")
            terminal.send_alone("q")
            assert terminal.end() == 0
