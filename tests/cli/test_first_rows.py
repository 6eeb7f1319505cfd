"""The first rows: what is imported by the time that they stand. Everything else is loaded when it is first used.

`MODULES=new pytest tests/cli/test_first_rows.py` writes the list of modules again. A module may stand there only if it
has something to do by then.
"""

import json
import os
import signal
import sys
from pathlib import Path

from tests.perf.figures.programs import on_emulator
from tests.perf.terminal import Terminal

MODULES = Path(__file__).with_name("first_rows_modules.txt")
ROOMS = ("tui.domain.", "tui.store.", "tui.present.", "tui.ui.")
"""The rooms that are loaded before the answer with the first rows. What reads the API may load more behind it."""

LIST_ON_SIGNAL = """
import json, os, signal, sys
listed = sys.argv.pop()

def stop(*_):
    with open(listed, "w") as file:
        json.dump(sorted(sys.modules), file)
    os._exit(0)

signal.signal(signal.SIGUSR1, stop)
from tui.cli import main
main()
"""


def test_first_rows_import_only_what_they_need(tmp_path: Path) -> None:
    listed = tmp_path / "modules.json"
    with on_emulator("--seed", "0", "--time-scale", "0", "--rate", "0", "--history", "60") as monitor:
        program = monitor()
        command = [sys.executable, "-c", LIST_ON_SIGNAL, str(listed)]
        with Terminal(command, env={**os.environ, **program.env}) as terminal:
            terminal.wait_for(program.ready)
            terminal.process.send_signal(signal.SIGUSR1)
            assert terminal.end() == 0, terminal.text
    text = "".join(f"{name}\n" for name in json.loads(listed.read_text()) if name.startswith(ROOMS))
    if os.environ.get("MODULES") == "new":
        MODULES.write_text(text)
    assert text == MODULES.read_text()
