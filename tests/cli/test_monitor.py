"""The monitor in a process: its first frame, its views, and every way in which it ends."""

import json
import os
import pty
import select
import signal
import subprocess
import sys
import termios
from pathlib import Path

import psutil
import pytest

from tests.perf.screen import Emulator, Screen
from tests.perf.terminal import Terminal
from tests.support.commands import environment, in_this_process
from tests.support.fleet import SECRET
from tests.support.raw_server import CERTIFICATE, serving, until_closed
from tui.features import LISTS
from tui.program.early import LAST_LINE
from tui.sync.session import Session

UNREACHABLE = "http://127.0.0.1:9"
MONITOR = [sys.executable, "-m", "tui"]
DEMO = [*MONITOR, "demo", "--history", "40", "--rate", "0"]
FIRST_FRAME = "1:runs"
READY = "? keys"
EXIT_TIMEOUT_S = 100.0
TURN_S = 0.02


def monitor(*flags: str, **more: str) -> Terminal:
    """Start the monitor on an address without a server: its screen has no runs."""
    return Terminal([*MONITOR, *flags], env=environment(UNREACHABLE, **more))


def after_the_screen(terminal: Terminal) -> str:
    """Return the output after the alternate screen was left."""
    _, left, tail = bytes(terminal.received).rpartition(b"\x1b[?1049l")
    assert left, "the alternate screen was never left"
    assert b"\x1b[?25h" in tail, "the cursor is still hidden"
    return tail.decode()


def test_monitor_without_a_terminal_names_ls() -> None:
    for arguments in ((), ("demo",)):
        done = in_this_process(*arguments, url=UNREACHABLE)
        assert (done.code, done.out) == (2, "")
        assert done.err == "the monitor needs a terminal; use `trigger-tui ls` in a pipe\n"


def test_monitor_refuses_a_dumb_terminal() -> None:
    with Terminal(["env", "TERM=dumb", *MONITOR], env=environment(UNREACHABLE)) as terminal:
        assert terminal.end() == 2
        assert "TERM" in terminal.text
        assert b"\x1b" not in terminal.received


def test_monitor_without_a_key_names_the_demo() -> None:
    with monitor(TRIGGER_SECRET_KEY="") as terminal:
        assert terminal.end() == 2
        assert "TRIGGER_SECRET_KEY" in terminal.text
        assert "trigger-tui demo" in terminal.text.replace("\n", "")
        assert b"\x1b" not in terminal.received


def test_demo_shows_runs_and_leaves_nothing_behind() -> None:
    with Terminal(DEMO, env=environment(None)) as terminal:
        before = termios.tcgetattr(terminal.descriptor)
        terminal.wait_for("Completed", "DEV")
        children = psutil.Process(terminal.process.pid).children()
        assert len(children) == 1
        assert termios.tcgetattr(terminal.descriptor) != before
        terminal.send("q")
        assert terminal.end() == 0
        assert after_the_screen(terminal).count("\n") == 0
        assert not any(child.is_running() for child in children)


@pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="waiting for a process that is no child takes Linux")
def test_emulator_ends_when_the_demo_is_killed() -> None:
    with Terminal([*DEMO, "--prod"], env=environment(None)) as terminal:
        terminal.wait_for("PROD")
        (child,) = psutil.Process(terminal.process.pid).children()
        ended = os.pidfd_open(child.pid)
        terminal.process.kill()
        assert select.select([ended], [], [], EXIT_TIMEOUT_S)[0] == [ended]
        os.close(ended)


WAITING_IMPORT = """
import os, sys
gate = os.open(sys.argv.pop(), os.O_RDONLY)

class Gate:
    def find_spec(self, name, path=None, target=None):
        if name == "tui.program.main":
            os.write(1, b"importing")
            os.read(gate, 1)  # until the test closes the other end

sys.meta_path.insert(0, Gate())
from tui.program import main
main()
"""


@pytest.mark.parametrize(("key", "code"), [("\x11", 0), ("\x03", 130)])
def test_key_during_the_first_imports_ends_the_program(key: str, code: int, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    new_terminal = pty.openpty()
    before = termios.tcgetattr(new_terminal[0])
    for each in new_terminal:
        os.close(each)
    assert before[0] & termios.IXON, "with it, a terminal drops ctrl-q"
    other_end = os.open(gate, os.O_RDWR)
    command = [sys.executable, "-c", WAITING_IMPORT, str(gate)]
    with Terminal(command, env=environment(UNREACHABLE), is_controlling=True) as terminal:
        terminal.wait_for_bytes(b"importing")
        kept = os.open(f"/proc/{terminal.process.pid}/fd/0", os.O_RDWR | os.O_NOCTTY)
        terminal.send(key)
        terminal.wait_for_bytes(b"importing^")  # the terminal has got the key
        os.close(other_end)
        while terminal.process.poll() is None:
            terminal.read_for(TURN_S)
        assert terminal.process.returncode == code
        assert termios.tcgetattr(kept) == before
        assert b"Traceback" not in terminal.received
        os.close(kept)


def test_key_typed_at_the_first_frame_is_not_lost() -> None:
    with monitor() as terminal:
        terminal.wait_for(FIRST_FRAME)
        terminal.send("q")
        assert terminal.end() == 0


@pytest.mark.parametrize(("number", "code", "text"), [(signal.SIGINT, 130, READY), (signal.SIGTERM, 143, FIRST_FRAME)])
def test_signal_ends_the_monitor_and_restores_the_terminal(number: int, code: int, text: str) -> None:
    with monitor() as terminal:
        terminal.wait_for(text)
        terminal.process.send_signal(number)
        assert terminal.end() == code
        assert after_the_screen(terminal).count("\n") == 0


def test_closed_terminal_ends_the_monitor() -> None:
    with monitor() as terminal:
        terminal.wait_for(READY)
        terminal.hang_up()
        assert terminal.process.wait(EXIT_TIMEOUT_S) == 129


IN_THE_SCREEN = """
import tui.kit.screen as there
import tui.kit.app as ticking
def _tick(self):
    key = self.live.session.settings.key.reveal()
    raise RuntimeError(f"a bug that quotes {key}")
there.BaseScreen.tick, ticking.until_second_s = _tick, lambda _: 0.01
"""
IN_THE_SESSION = """
import tui.store.store as there
def apply(self, update, key="tr_dev_abcdefghijklmnop"):
    raise RuntimeError(f"a bug that quotes {key}")
there.Store.apply = apply
"""


@pytest.mark.parametrize("bug", [IN_THE_SCREEN, IN_THE_SESSION])
def test_traceback_of_the_monitor_has_no_key(bug: str) -> None:
    program = f"{bug}\nimport sys\nsys.argv = ['trigger-tui']\nfrom tui.program import main\nmain()"
    with Terminal([sys.executable, "-c", program], env=environment(UNREACHABLE)) as terminal:
        assert terminal.end() == 1
        text = after_the_screen(terminal)
        assert "Traceback (most recent call last)" in text
        assert "RuntimeError: a bug that quotes tr_…" in text
        assert SECRET.encode() not in terminal.received


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


RELAY = ("--relay", "wss://127.0.0.1:9", "--tls-ca", CERTIFICATE)
COLUMNS = '[columns]\nruns = ["status", "metadata.progress"]\n'


@pytest.mark.parametrize(
    ("arguments", "config"),
    [((), ""), (("wall",), ""), (("demo", "errors?"), ""), (("runs?status=failed",), COLUMNS), (RELAY, "")],
)
def test_no_first_frame_waits_for_the_data_layer(tmp_path: Path, arguments: tuple[str, ...], config: str) -> None:
    listed, file = tmp_path / "modules.json", tmp_path / "config.toml"
    file.write_text(config)
    command = [sys.executable, "-c", STOP_AT_THE_FRAME, *arguments, "--config", str(file), str(listed)]
    with Terminal(command, env=environment(UNREACHABLE) | {"TRIGGER_TUI_RELAY_TOKEN": "t" * 40}) as terminal:
        assert terminal.end() == 0, terminal.text
    unwanted = LATER if arguments else LATER | SLOW_MODULES
    assert not unwanted & set(json.loads(listed.read_text()))


@pytest.mark.parametrize(
    ("size", "flags"), [((80, 24), ("--theme", "16", "--ascii")), ((200, 60), ("--theme", "light", "--slow"))]
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


VIEW_NAMES = " ".join(["errors", "runs", "wall", "run", *(name for name in LISTS if name != "errors")])


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("vrun?",), f'no view "vrun", nearest: run; the views are {VIEW_NAMES}\n'),
        (("runs?tsk=x", "--theme", "light"), "tsk:x: no field 'tsk', nearest: task\n"),
        (("runs",), "runs is a view, whose address has a `?`: 'runs?' (see `trigger-tui --help`)\n"),
        (("runs?", "ls"), "runs? is a view, and `ls` a command: name only one (see `trigger-tui --help`)\n"),
    ],
)
def test_wrong_address_is_one_line(arguments: tuple[str, ...], reason: str) -> None:
    done = in_this_process(*arguments, url="http://127.0.0.1:9")
    assert (done.code, done.out, done.err) == (2, "", reason)


COLLEAGUES_TOKEN = "screen-token-of-one-colleague"
OWN_TOKEN = "token-of-this-very-screen"

CRASHING = (
    ("ls",),
    ("show", "run_1"),
    ("tree", "run_1"),
    ("logs", "run_1"),
    ("watch",),
    ("watch", "run_1"),
    ("cancel", "run_1", "--yes"),
    ("replay", "run_1", "--yes"),
    ("relay", "--listen", "127.0.0.1:0", "--tokens"),
)


@pytest.mark.parametrize("arguments", CRASHING, ids=" ".join)
def test_traceback_of_a_command_has_no_secrets(
    arguments: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def start(self: Session) -> None:
        raise ZeroDivisionError(
            {"Authorization": f"Bearer {SECRET}"}, COLLEAGUES_TOKEN.encode(), SECRET[:20], OWN_TOKEN
        )

    tokens = tmp_path / "tokens"
    tokens.write_text(f"ann {COLLEAGUES_TOKEN}\n")
    tokens.chmod(0o600)
    monkeypatch.setattr(Session, "start", start)
    monkeypatch.setenv("TRIGGER_TUI_RELAY_TOKEN", OWN_TOKEN)
    is_relay = arguments[0] == "relay"
    done = in_this_process(*arguments, *([str(tokens)] if is_relay else []), url=UNREACHABLE)
    assert done.code == 1
    assert done.out == ""
    assert "Traceback (most recent call last)" in done.err
    assert "ZeroDivisionError" in done.err
    assert done.err.endswith(f"{LAST_LINE}\n")
    assert SECRET[:20] not in done.err
    assert OWN_TOKEN not in done.err
    assert not is_relay or COLLEAGUES_TOKEN not in done.err


UNHANDLED = """
import asyncio, sys, threading
key = "tr_dev_abcdefghijklmnop"
from tui.program import main as there
import tui.program.main as module

def ended(output, arguments):
    thread = threading.Thread(target=lambda: {}[key])
    thread.start()
    thread.join()
    class Dropped:
        def __del__(self):
            raise ValueError(key)
    Dropped()
    async def forgotten():
        asyncio.get_running_loop().call_exception_handler({"message": "lost", "exception": ValueError(key)})
    asyncio.run(forgotten())
    raise BaseExceptionGroup("several", [KeyboardInterrupt(key)])

first = module.run
def run(output, arguments):
    first(output, ["--version"])
    ended(output, arguments)
module.run = run
there()
"""


def test_output_of_the_interpreter_has_no_key() -> None:
    env = environment(UNREACHABLE)
    done = subprocess.run([sys.executable, "-c", UNHANDLED], env=env, capture_output=True, text=True, check=False)
    for kind in ("KeyError", "ValueError", "lost", "KeyboardInterrupt"):
        assert kind in done.stderr
    assert done.stderr.count("tr_…") >= 4
    assert SECRET[7:] not in done.stderr
