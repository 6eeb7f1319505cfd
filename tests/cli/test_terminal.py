"""The monitor and its terminal: blocked terminals, suspending, repainting; and a question of a command."""

import fcntl
import os
import re
import select
import signal
import struct
import sys
import termios
import time
from collections.abc import Iterator
from contextlib import suppress

import psutil
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyte import modes

from tests.perf.terminal import PATIENCE_S, Terminal
from tests.support.commands import User, answered, asking, environment, on_terminal
from tests.support.fleet import Fleet, FleetApi, FleetRun, fleet_of, serving
from tui.commands import options
from tui.commands.options import PromptInput
from tui.commands.output import Output
from tui.terminal.cells import CURSOR_REQUEST

UNREACHABLE = "http://127.0.0.1:9"
MONITOR = [sys.executable, "-m", "tui"]
READY = "? keys"
HELP = "keys · runs"
HELD_BYTES = 4095
"""The most that a pty reports to hold."""

LARGE = (300, 100)
"""A frame of this size is many times larger than the buffer of a pty, about 64 KiB."""

SHELL = "import fcntl, os, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execvp('bash', ['bash', '--norc', '-i'])"
"""A shell with job control: it takes a controlling terminal."""


BROKEN_READER = """
import sys
from tui.kit.terminal.input import InputDecoder
def feed(self, data, now_s):
    raise ZeroDivisionError("no such key")
InputDecoder.feed = feed
sys.argv = ['trigger-tui']
from tui.program import main
main()
"""

LEFT_BEHIND = "\x1b[?6h\x1b[4h\x1b[5;10r"
"""Modes of a program that was killed: places count from the margins, inserting, margins."""

SCREEN_ON, SCREEN_OFF = b"\x1b[?1049h", b"\x1b[?1049l"
RESTORED = (b"\x1b[<u", b"\x1b[?25h", b"\x1b[?1004l", b"\x1b[?2004l", b"\x1b[?1000l", b"\x1b[?2048l", b"\x1b[?7h")


def monitor(size: tuple[int, int] = (120, 40)) -> Terminal:
    """Start the monitor on an address without a server."""
    return Terminal(MONITOR, size=size, env=environment(UNREACHABLE))


TITLE = re.compile(rb"\x1b\[(22|23);2t|\x1b\]2;([^\x1b\x07]*)\x1b\\")
OWN_TITLE = "the shell's own"


def title_after(written: bytes | bytearray) -> str:
    """Return the title of a terminal with a title stack after this output."""
    title, kept = OWN_TITLE, []
    for stack, text in TITLE.findall(written):
        if stack == b"22":
            kept.append(title)
        else:
            title = kept.pop() if stack else text.decode()
    return title


def draws_everywhere(terminal: Terminal) -> bool:
    """Whether the alternate screen is on, without margins, and draws over what is there."""
    screen = terminal.screen
    return screen.is_alternate and screen.margins is None and not {modes.IRM, modes.DECOM} & screen.mode


def block(terminal: Terminal) -> None:
    """Fill the buffer of a large terminal: the monitor paints, and the test reads nothing."""
    terminal.wait_for(READY)
    terminal.wait_quiet()
    terminal.send("\x0c")
    ends_s = time.monotonic() + PATIENCE_S
    while _held_bytes(terminal) < HELD_BYTES:
        assert time.monotonic() < ends_s
        select.select([], [], [], 0.01)
    # Fill the last free bytes.
    other = os.open(f"/proc/{terminal.process.pid}/fd/1", os.O_WRONLY | os.O_NOCTTY | os.O_NONBLOCK)
    with suppress(BlockingIOError):
        while True:
            os.write(other, b" ")
    os.close(other)


def _held_bytes(terminal: Terminal) -> int:
    (held,) = struct.unpack("i", fcntl.ioctl(terminal.descriptor, termios.FIONREAD, b"\0" * 4))
    assert isinstance(held, int)
    return held


def test_bug_in_the_reading_thread_ends_the_program() -> None:
    with Terminal([sys.executable, "-c", BROKEN_READER], env=environment(UNREACHABLE)) as terminal:
        terminal.wait_for_bytes(SCREEN_ON)
        terminal.send("j")
        assert terminal.end() == 1
        _, left, tail = bytes(terminal.received).rpartition(SCREEN_OFF)
        assert left
        assert b"ZeroDivisionError: no such key" in tail
        assert b"the thread that reads the terminal has failed" in tail
        assert title_after(terminal.received) == OWN_TITLE


def test_signal_ends_a_monitor_with_a_blocked_terminal() -> None:
    with monitor(LARGE) as terminal:
        block(terminal)
        before = len(terminal.received)
        terminal.process.send_signal(signal.SIGTERM)
        assert terminal.process.wait(PATIENCE_S) == 143
        terminal.end()
        restored = bytes(terminal.received[before:])
        assert all(sequence in restored for sequence in (SCREEN_OFF, *RESTORED))
        assert b"\x1b[?2026h" not in restored.partition(SCREEN_OFF)[2], "a frame after the screen was given back"
        assert restored.count(b"\x1b[23;2t") == 1


def test_ctrl_z_gives_the_terminal_to_the_shell_until_fg() -> None:
    with Terminal([sys.executable, "-c", SHELL], env=environment(UNREACHABLE, PS1="SH$ ")) as terminal:

        def stops(times: int) -> None:
            terminal.send("\x1a")
            terminal.wait_until(lambda: terminal.received.count(b"Stopped") == times, "the stop")
            _, _, tail = bytes(terminal.received).rpartition(SCREEN_ON)
            assert all(sequence in tail for sequence in (SCREEN_OFF, *RESTORED))
            assert title_after(terminal.received) == OWN_TITLE

        terminal.wait_for("SH$")
        before = termios.tcgetattr(terminal.descriptor)
        left_behind = LEFT_BEHIND.replace("\x1b", r"\033")
        terminal.send(f"printf '{left_behind}'; {sys.executable} -m tui\n")
        terminal.wait_for(READY)
        assert draws_everywhere(terminal)
        stops(1)
        terminal.send(f"stty sane; printf '{left_behind}'; echo in the she''ll; bg\n")
        terminal.wait_for("in the shell")
        # In the background the process stops again before it writes.
        terminal.send("fg\n")
        terminal.wait_until(lambda: terminal.received.count(SCREEN_ON) == 2, "the screen")
        terminal.send("?")
        terminal.wait_for(HELP)
        assert title_after(terminal.received) == "trigger-tui"
        assert draws_everywhere(terminal)
        stops(2)
        stopped = psutil.Process(terminal.process.pid).children()
        terminal.send("kill %1\n")
        assert psutil.wait_procs(stopped, PATIENCE_S)[1] == []
        terminal.send("\n")
        terminal.wait_for("Exit 143")
        assert terminal.received.count(SCREEN_ON) == 2
        assert termios.tcgetattr(terminal.descriptor)[3] & before[3] & termios.ISIG
        terminal.send("exit\n")
        terminal.end()


def test_screen_is_painted_again_on_ctrl_l_and_after_sigstop() -> None:
    def scribbled(terminal: Terminal) -> None:
        before = terminal.received.count(b"scribble")
        others = os.open(f"/proc/{terminal.process.pid}/fd/1", os.O_WRONLY | os.O_NOCTTY)
        os.write(others, b"\x1b[?1049l\x1b[7m\x1b[23;1Hscribble\x1b[?25h" + LEFT_BEHIND.encode())
        os.close(others)
        terminal.wait_until(lambda: terminal.received.count(b"scribble") > before, "the scribble")

    untouched = "selects a run"

    def is_clean() -> bool:
        return (
            "scribble" not in terminal.text
            and untouched in terminal.text
            and terminal.screen.cursor.hidden
            and draws_everywhere(terminal)
        )

    with monitor() as terminal:
        terminal.wait_for(untouched)
        scribbled(terminal)
        terminal.send("\x0c")
        terminal.wait_until(is_clean, "a clean screen")
        scribbled(terminal)
        terminal.process.send_signal(signal.SIGSTOP)
        terminal.process.send_signal(signal.SIGCONT)
        terminal.wait_until(is_clean, "a clean screen")


REPORT = b"\x1b[12;40R"
SHORT = {"REQUEST_INTERVAL_S": 0.02, "MAX_REQUESTS": 3, "LATE_WITHIN_S": 0.02}
PATIENT = SHORT | {"REQUEST_INTERVAL_S": 20}


def confirm(output: Output, question: str, *, word: str, timeouts: dict[str, float]) -> bool:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in timeouts.items():
            patch.setattr(options, name, value)
        return options.confirm(output, question, word=word)


@pytest.mark.parametrize(
    ("typed", "is_meant"),
    [
        (b"y\n", None),
        (b"y\n" + REPORT, None),
        (b"y" + REPORT + b"\n", False),
        (b"y\n" + REPORT + b"y\n", True),
        (REPORT + b"y\r", True),
        (REPORT + b"ye\x7f\n", True),
        (REPORT + b"yes\n", False),
        (REPORT + b"\x04", False),
        (b"\x04", False),
        (b"cancel\n", True),
        (REPORT + b"cancel\n", True),
        (b"can" + REPORT + b"cel\n", False),
        (b"\n", False),
        (b"\x1b[1;2" + b"R" * 2000, False),
    ],
)
@settings(max_examples=12)
@given(data=st.data())
def test_input_is_parsed_in_chunks_of_any_size(typed: bytes, is_meant: bool | None, data: st.DataObject) -> None:
    typing = PromptInput("cancel")
    found = None
    while typed and found is None:
        size = data.draw(st.integers(1, len(typed)))
        found, _ = typing.feed(typed[:size])
        typed = typed[size:]
    assert found is is_meant


def test_input_echoes_only_after_the_report() -> None:
    typing = PromptInput("cancel")
    assert typing.feed(b"ahead") == (None, "")
    assert typing.feed(REPORT + b"yo\x7f") == (None, "yo\b \b")


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Output, User]]:
    monkeypatch.setenv("TERM", "xterm")
    with asking() as each:
        yield each


def test_y_counts_after_the_report(asked: tuple[Output, User]) -> None:
    output, user = asked
    user.begin((CURSOR_REQUEST.encode(), b"y\n" + REPORT), (b"6n", b"y\n"))
    assert confirm(output, "Cancel 1 run? ", word="cancel", timeouts=PATIENT)


def test_silent_terminal_accepts_the_word(asked: tuple[Output, User]) -> None:
    output, user = asked
    user.begin((b"?", b"y\n"), (b"type cancel to confirm", b"cancel\n"))
    assert confirm(output, "Cancel 1 run? ", word="cancel", timeouts=SHORT)
    assert user.shown.count(CURSOR_REQUEST.encode()) == 3
    assert user.shown.count(b"Waiting for the terminal.") == 1


@pytest.fixture
def fleet() -> Fleet:
    return fleet_of(FleetRun(1, -100, -60, 1e6))


@pytest.fixture
def api(fleet: Fleet) -> Iterator[FleetApi]:
    with serving(fleet) as api:
        yield api


def test_slow_terminal_ignores_keys_typed_before(fleet: Fleet, api: FleetApi) -> None:
    question, answer = CURSOR_REQUEST.encode(), b"y\n" + REPORT + b"n\n"
    assert answered("cancel", fleet.runs[0].id, url=api.url, question=question, answer=answer) == 1
    assert not any(path.endswith("/cancel") for _, path, _ in fleet.requests)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, -signal.SIGTERM), (signal.SIGINT, 130)])
def test_signal_at_a_question_restores_the_terminal_mode(
    fleet: Fleet, api: FleetApi, number: signal.Signals, code: int
) -> None:
    terminal = on_terminal("cancel", fleet.runs[0].id, env=environment(api.url), holds_cursor=True)
    mode = termios.tcgetattr(terminal.descriptor)
    terminal.wait_for_bytes(CURSOR_REQUEST.encode())
    assert termios.tcgetattr(terminal.descriptor) != mode
    os.kill(terminal.process.pid, number)
    terminal.process.wait(100)
    assert termios.tcgetattr(terminal.descriptor) == mode
    assert terminal.end() == code
    assert b"Traceback" not in terminal.received
    assert not any(path.endswith("/cancel") for _, path, _ in fleet.requests)
