"""The monitor as a user starts and ends it: on a terminal of its own, in every way in which it can end."""

import os
import select
import signal
import sys
import termios

import psutil
import pytest

from tests.perf.terminal import Terminal
from tests.support.commands import environment, trigger_tui
from tests.support.fleet import SECRET

NOBODY = "http://127.0.0.1:9"
MONITOR = [sys.executable, "-m", "tui"]
DEMO = [*MONITOR, "demo", "--history", "40", "--rate", "0"]
FIRST_PAINT = "1:runs"
GONE_WITHIN_S = 10.0


def monitor(*flags: str, **more: str) -> Terminal:
    """On an address where nobody answers: there is a screen, and no run on it."""
    return Terminal([*MONITOR, *flags], env=environment(NOBODY, **more))


def after_the_screen(terminal: Terminal) -> str:
    """What was written once the terminal was as before: left to the user to read."""
    _, left, tail = bytes(terminal.received).rpartition(b"\x1b[?1049l")
    assert left, "the alternate screen was never left"
    assert b"\x1b[?25h" in tail, "the cursor is still hidden"
    return tail.decode()


def test_without_a_terminal_it_says_what_prints() -> None:
    for arguments in ((), ("demo",)):
        done = trigger_tui(*arguments, url=NOBODY)
        assert (done.code, done.out) == (2, "")
        assert done.err == "the monitor needs a terminal; use `trigger-tui ls` in a pipe\n"


def test_a_terminal_that_cannot_move_its_cursor_is_refused() -> None:
    with Terminal(["env", "TERM=dumb", *MONITOR], env=environment(NOBODY)) as terminal:
        assert terminal.end() == 2
        assert "TERM" in terminal.text
        assert b"\x1b" not in terminal.received


def test_a_missing_key_is_one_line_that_names_the_demo() -> None:
    with monitor(TRIGGER_SECRET_KEY="") as terminal:
        assert terminal.end() == 2
        assert "TRIGGER_SECRET_KEY" in terminal.text
        assert "trigger-tui demo" in terminal.text.replace("\n", "")
        assert b"\x1b" not in terminal.received


def test_a_flag_before_a_command_that_would_not_see_it_is_refused() -> None:
    done = trigger_tui("--read-only", "ls", url=NOBODY)
    assert done.code == 2
    assert "--read-only" in done.err
    assert "`ls`" in done.err


def test_the_demo_shows_runs_and_leaves_nothing_behind() -> None:
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
def test_the_emulator_of_the_demo_dies_with_it_however_that_is() -> None:
    with Terminal([*DEMO, "--prod"], env=environment(None)) as terminal:
        terminal.wait_for("PROD")
        (child,) = psutil.Process(terminal.process.pid).children()
        ended = os.pidfd_open(child.pid)
        terminal.process.kill()
        assert select.select([ended], [], [], GONE_WITHIN_S)[0] == [ended]
        os.close(ended)


def test_escape_and_the_key_behind_it_are_two_keys_however_they_arrive() -> None:
    with monitor() as terminal:
        terminal.wait_for(FIRST_PAINT)
        terminal.send("/")
        terminal.wait_for("any text")
        terminal.send("\x1bq")
        assert terminal.end() == 0


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_it_and_gives_the_terminal_back(number: int, code: int) -> None:
    with monitor() as terminal:
        terminal.wait_for(FIRST_PAINT)
        terminal.process.send_signal(number)
        assert terminal.end() == code
        assert after_the_screen(terminal).count("\n") == 0


def test_a_closed_terminal_ends_it() -> None:
    with monitor() as terminal:
        terminal.wait_for(FIRST_PAINT)
        terminal.hang_up()
        assert terminal.process.wait(GONE_WITHIN_S) == 129


IN_THE_SCREEN = """
import tui.ui.screens.base as there
import tui.ui.look.ticking as ticking
def _tick(self):
    key = self.live.session.settings.key.reveal()
    raise RuntimeError(f"a bug that quotes {key}")
there.BaseScreen.tick, ticking.TICK_S = _tick, 0.01
"""
IN_THE_SESSION = """
import tui.store.store as there
def apply(self, update, key="tr_dev_abcdefghijklmnop"):
    raise RuntimeError(f"a bug that quotes {key}")
there.Store.apply = apply
"""


@pytest.mark.parametrize("bug", [IN_THE_SCREEN, IN_THE_SESSION])
def test_a_bug_is_told_whole_but_for_the_key(bug: str) -> None:
    program = f"{bug}\nimport sys\nsys.argv = ['trigger-tui']\nfrom tui.cli import main\nmain()"
    with Terminal([sys.executable, "-c", program], env=environment(NOBODY)) as terminal:
        assert terminal.end() == 1
        told = after_the_screen(terminal)
        assert "Traceback (most recent call last)" in told
        assert "RuntimeError: a bug that quotes tr_…" in told
        assert SECRET.encode() not in terminal.received


def test_an_emulator_with_a_bug_says_so_when_the_demo_has_ended() -> None:
    program = (
        "from tui.emulator.server.child import run_in_child\n"
        "import os\n"
        "def serve(listener):\n"
        "    raise RuntimeError('no world today')\n"
        "with run_in_child(serve) as child:\n"
        "    os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOWAIT)\n"
        "    print(child.stderr_text())\n"
    )
    with Terminal([sys.executable, "-c", program], env=environment(None)) as terminal:
        assert terminal.end() == 0
        assert "RuntimeError: no world today" in terminal.text


@pytest.mark.parametrize("variable", ["TEXTUAL_COLOR_SYSTEM=junk", f"TEXTUAL_FPS={'9' * 400}"])
def test_wrong_variable_of_textual_is_one_line_that_names_it(variable: str) -> None:
    name, _, value = variable.partition("=")
    for arguments in ((), ("demo",)):
        with monitor(*arguments, **{name: value}) as terminal:
            assert terminal.end() == 2
            assert terminal.text.startswith(f"{name}=")
            assert "Traceback" not in terminal.text
            assert b"\x1b" not in terminal.received
