"""The first frame: which libraries wait until it is drawn, and that the app's own frame agrees with it."""

import json
import sys
from pathlib import Path

import pytest

from tests.perf.screen import Emulator, Screen
from tests.perf.terminal import Terminal
from tests.support.commands import environment
from tests.support.raw_server import CERTIFICATE, serving, until_closed

UNREACHABLE = "http://127.0.0.1:9"
KITTY_KEYS = b"\x1b[>1u"
"""The driver sends this when it takes the terminal over."""

SLOW_MODULES = {"asyncio", "ctypes", "email", "hashlib", "http", "socket", "sqlite3", "ssl", "subprocess", "zoneinfo"}
"""Modules of Python that take several milliseconds."""

LATER = {"asyncio", "textual", "httpx2", "pydantic", "websockets", "tui.api.client", "tui.domain.error_kinds"}
"""The first frame of no start waits for these."""

STOP_AT_THE_FRAME = """
import json, os, sys
before = set(sys.modules)
from tui.kit.terminal.early import EarlyTerminal

listed = sys.argv.pop()

def stop(*_):
    with open(listed, "w") as file:
        json.dump(sorted(set(sys.modules) - before), file)
    os._exit(0)

EarlyTerminal.show = stop
from tui.program import main
main()
"""


def test_first_frame_imports_only_what_it_needs(tmp_path: Path) -> None:
    listed = tmp_path / "modules.json"
    command = [sys.executable, "-c", STOP_AT_THE_FRAME, str(listed)]
    with Terminal(command, env=environment(UNREACHABLE)) as terminal:
        assert terminal.end() == 0, terminal.text
    assert (SLOW_MODULES | LATER) & set(json.loads(listed.read_text())) == set()


RELAY = ("--relay", "wss://127.0.0.1:9", "--tls-ca", CERTIFICATE)
COLUMNS = '[columns]\nruns = ["status", "metadata.progress"]\n'


@pytest.mark.parametrize(
    ("arguments", "config"),
    [(("wall",), ""), (("demo", "errors?"), ""), (("runs?status=failed",), COLUMNS), (RELAY, "")],
)
def test_no_first_frame_waits_for_the_data_layer(tmp_path: Path, arguments: tuple[str, ...], config: str) -> None:
    listed, file = tmp_path / "modules.json", tmp_path / "config.toml"
    file.write_text(config)
    command = [sys.executable, "-c", STOP_AT_THE_FRAME, *arguments, "--config", str(file), str(listed)]
    with Terminal(command, env=environment(UNREACHABLE) | {"TRIGGER_TUI_RELAY_TOKEN": "t" * 40}) as terminal:
        assert terminal.end() == 0, terminal.text
    assert not LATER & set(json.loads(listed.read_text()))


RECORD_THREADS = """
import atexit, json, sys, threading

listed, found = sys.argv.pop(), {}

class Recorder:
    def find_spec(self, name, *_):
        if name in {"httpx2", "pydantic"}:
            found[name] = threading.current_thread() is threading.main_thread()

def write():
    with open(listed, "w") as file:
        json.dump(found, file)

sys.meta_path.insert(0, Recorder())
atexit.register(write)
from tui.program import main
main()
"""


def test_only_the_thread_of_the_data_layer_imports_its_libraries(tmp_path: Path) -> None:
    listed, file = tmp_path / "threads.json", tmp_path / "config.toml"
    file.write_text('[keys]\nwide = "F8"\n')
    command = [sys.executable, "-c", RECORD_THREADS, "demo", "--config", str(file), str(listed)]
    with Terminal(command, env=environment(None)) as terminal:
        terminal.wait_for("Completed", "live")
        for key, shown in (("x", "finished"), ("!", "1:errors"), ("q", "1:runs"), ("Q", "1:queues"), ("q", "1:runs")):
            terminal.send(key)
            terminal.wait_for(shown)
        terminal.send("q")
        assert terminal.end() == 0, terminal.text
    assert json.loads(listed.read_text()) == {"httpx2": False, "pydantic": False}


@pytest.mark.parametrize(
    ("size", "flags"),
    [((80, 24), ()), ((200, 60), ("--theme", "light", "--slow")), ((160, 30), ("--theme", "16", "--ascii"))],
)
def test_app_keeps_what_the_first_frame_shows(size: tuple[int, int], flags: tuple[str, ...]) -> None:
    command = [sys.executable, "-m", "tui", *flags]
    with (
        serving(until_closed) as port,
        Terminal(command, size=size, env=environment(f"http://127.0.0.1:{port}")) as terminal,
    ):
        terminal.wait_for("? keys")
        received = bytes(terminal.received)
        first = Screen(*size)
        Emulator(first).feed(received.partition(KITTY_KEYS)[0])
        clock = {(0, x) for x in range(size[0] - len("13:49 UTC "), size[0])}
        shown = [
            (y, x)
            for y in range(size[1])
            for x in range(size[0])
            # The app's rule has more text, and another minute may have begun before its header.
            if first.buffer[y][x].data.strip() and y != 1 and (y, x) not in clock
        ]
        assert {y for y, _ in shown} == {0, 2, 4}
        assert [first.buffer[y][x] for y, x in shown] == [terminal.screen.buffer[y][x] for y, x in shown]
        rule = "".join(first.buffer[1][x].data for x in range(9))
        assert terminal.lines[1].startswith(rule)
