"""The monitor's terminal is lent to programs that fail, and comes back whole."""

import json
import signal
import sys
import termios
from pathlib import Path

import psutil

from tests.perf.terminal import PATIENCE_S, Terminal
from tests.support.commands import environment
from tests.support.fleet import SECRET

UNREACHABLE = "http://127.0.0.1:9"
READY = "No answer from"
HELP = "keys · runs"
SCREEN_ON, SCREEN_OFF = b"\x1b[?1049h", b"\x1b[?1049l"

PROGRAM_ON_CTRL_L = """
import asyncio, json, sys
from tui.program.app import TriggerApp
outcomes, programs = sys.argv.pop(), iter(json.loads(sys.argv.pop()))
async def run(app):
    for call in ("\\x1b]9;first\\x07", "\\x1b]9;last\\x07"):
        asyncio.get_running_loop().call_soon(app.call_user, call)
    try:
        text = f"exit {await app.run_in_foreground(next(programs))}"
    except OSError as error:
        text = str(error)
    with open(outcomes, "a") as file:
        print(text, file=file)
TriggerApp.action_repaint = lambda app: app.session.spawn(run(app), "program") and None
from tui.program.main import main
main()
"""

MESS = r"printf '\033[?1049h\033[?1000h\033[?1h\033(0\033[5;9r\033[7m\033[4h\033[?2004h left in a mess'"
LEAVES_A_MESS = ["sh", "-c", f"stty raw -echo; {MESS}; exit 3"]
IS_KILLED = ["sh", "-c", f"stty raw -echo; {MESS}; kill -9 $$"]
KILLS_ITS_GROUP = ["sh", "-c", "kill 0"]
IS_MISSING = ["no-such-pager", "-R"]
IS_NO_PROGRAM = ["/etc/passwd"]
TAKES_CTRL_C = ["sh", "-c", "trap 'exit 7' INT; echo waiting; while :; do sleep 0.1; done"]
HANGS = ["sh", "-c", "trap '' HUP TERM INT; stty raw -echo; echo hanging; while :; do sleep 0.1; done"]


def monitor(outcomes: Path, *programs: list[str]) -> list[str]:
    """Return the command of a monitor whose ctrl-l runs the programs, one after the other."""
    outcomes.touch()
    return [sys.executable, "-c", PROGRAM_ON_CTRL_L, json.dumps(programs), str(outcomes)]


def terminal_of(command: list[str]) -> Terminal:
    return Terminal(command, env=environment(UNREACHABLE, COPY=f"Bearer {SECRET}"), is_controlling=True)


def assert_whole(terminal: Terminal, screens: int) -> None:
    """Assert that the monitor took its screen back so many times, and takes keys."""
    terminal.wait_until(lambda: terminal.received.count(SCREEN_ON + b"\x1b[<9u") == screens, "the screen")
    terminal.wait_for(READY)
    assert "mess" not in terminal.text
    assert terminal.screen.cursor.hidden
    terminal.send("?")
    terminal.wait_for(HELP)
    terminal.send("\x1b")
    terminal.wait_until(lambda: HELP not in terminal.text, "the help to close")


def test_terminal_comes_back_whole_after_programs_that_fail(tmp_path: Path) -> None:
    outcomes = tmp_path / "outcomes"
    programs = LEAVES_A_MESS, IS_KILLED, KILLS_ITS_GROUP, IS_MISSING, IS_NO_PROGRAM, TAKES_CTRL_C
    with terminal_of(monitor(outcomes, *programs)) as terminal:
        terminal.wait_for(READY)
        for count in (1, 2, 3):
            terminal.send("\x0c")
            assert_whole(terminal, count)
        terminal.send("\x0c\x0c")
        terminal.wait_until(lambda: "/etc/passwd" in outcomes.read_text(), "the errors")
        terminal.send("\x0c")
        terminal.wait_for("waiting")
        assert b"\x1b]9;" not in terminal.received.rpartition(b"waiting")[2], "no call while it is lent"
        terminal.resize(100, 30)
        terminal.send("\x03")
        assert_whole(terminal, 4)
        terminal.wait_until(lambda: terminal.lines[29].rstrip().endswith("? keys"), "the footer in its new row")
        terminal.send("\x11")
        assert terminal.process.wait(PATIENCE_S) == 0
        assert outcomes.read_text().splitlines() == [
            *("exit 3", "exit -9", "exit -15"),
            *("no-such-pager was not found", "/etc/passwd is not a program that may be run", "exit 7"),
        ]
        attributes = termios.tcgetattr(terminal.descriptor)
        assert attributes[3] & termios.ECHO
        assert attributes[3] & termios.ICANON


def test_signal_ends_the_monitor_and_its_program(tmp_path: Path) -> None:
    outcomes = tmp_path / "outcomes"
    with terminal_of(monitor(outcomes, HANGS)) as terminal:
        terminal.wait_for(READY)
        terminal.send("\x0c")
        terminal.wait_for("hanging")
        (program,) = psutil.Process(terminal.process.pid).children()
        terminal.process.send_signal(signal.SIGTERM)
        assert terminal.process.wait(PATIENCE_S) == 143
        assert not program.is_running()
        assert termios.tcgetattr(terminal.descriptor)[3] & termios.ECHO
        terminal.end()
        assert bytes(terminal.received).endswith(SCREEN_OFF + b"\x1b[?25h")
