"""What a real GNU screen hands on to the terminal around it."""

import os
import shutil
from pathlib import Path

import pytest

from tests.perf.terminal import Terminal
from tests.support.commands import environment
from tui.ui.input.clipboard import osc52

TEXT = "".join(f"line {number} of a payload\n" for number in range(120))


@pytest.mark.skipif(shutil.which("screen") is None, reason="GNU screen is not installed")
def test_long_text_reaches_the_clipboard_through_screen(tmp_path: Path) -> None:
    sockets, written = tmp_path / "sockets", tmp_path / "written"
    sockets.mkdir(mode=0o700)
    written.write_text(osc52(TEXT, {"STY": "1", "TERM": "screen"}), encoding="ascii")
    env = environment(None, HOME=os.fspath(tmp_path), SCREENDIR=os.fspath(sockets))
    command = ["screen", "-c", os.devnull, "cat", os.fspath(written)]
    with Terminal(command, size=(80, 24), env=env, is_controlling=True) as terminal:
        terminal.wait_for_bytes(osc52(TEXT, {}).encode())
        terminal.end()
