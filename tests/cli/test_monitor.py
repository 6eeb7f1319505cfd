"""The monitor on a pseudo-terminal: its start, and every way in which it ends."""

import os
import pty
import select
import signal
import sys
import termios
from pathlib import Path

import psutil
import pytest

from tests.perf.terminal import Terminal
from tests.support.commands import environment, trigger_tui
from tests.support.fleet import SECRET

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
        done = trigger_tui(*arguments, url=UNREACHABLE)
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


@pytest.mark.parametrize(
    ("number", "code", "text"),
    [(signal.SIGINT, 130, READY), (signal.SIGTERM, 143, READY), (signal.SIGTERM, 143, FIRST_FRAME)],
)
def test_signal_ends_the_monitor_and_restores_the_terminal(number: int, code: int, text: str) -> None:
    with monitor() as terminal:
        terminal.wait_for(text)
        terminal.process.send_signal(number)
        assert terminal.end() == code
        assert after_the_screen(terminal).count("\n") == 0


@pytest.mark.parametrize("text", [FIRST_FRAME, READY])
def test_closed_terminal_ends_the_monitor(text: str) -> None:
    with monitor() as terminal:
        terminal.wait_for(text)
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


@pytest.mark.parametrize("variable", ["TEXTUAL_COLOR_SYSTEM=junk", "ESCDELAY=junk"])
def test_variables_of_textual_are_not_read(variable: str) -> None:
    name, _, value = variable.partition("=")
    with monitor(**{name: value}) as terminal:
        terminal.wait_for("1:runs")
        terminal.send("\x11")
        assert terminal.end() == 0
