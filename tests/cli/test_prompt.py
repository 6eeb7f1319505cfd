"""The yes/no question: `y` counts only after the terminal has shown the question, a word always."""

import os
import pty
import signal
import sys
import termios
from collections.abc import Iterator
from dataclasses import dataclass
from threading import Thread

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.cli.test_terminal import SHELL
from tests.perf.terminal import Terminal as Screen
from tests.support.commands import Terminal, environment
from tests.support.fleet import Fleet, FleetApi, FleetRun, serving
from tests.support.virtual_clock import VirtualClock
from tui.commands import options
from tui.commands.options import PromptInput
from tui.commands.output import Output
from tui.terminal.cells import CURSOR_REQUEST

REPORT = b"\x1b[12;40R"
SHORT = {"REQUEST_INTERVAL_S": 0.02, "MAX_REQUESTS": 3, "LATE_WITHIN_S": 0.02}
LONG = SHORT | {"REQUEST_INTERVAL_S": 20}


def confirm(output: Output, question: str, *, word: str, timeouts: dict[str, float]) -> bool:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in timeouts.items():
            patch.setattr(options, name, value)
        return options.confirm(output, question, word=word)


@pytest.mark.parametrize(
    ("typed", "is_meant"),
    [
        (b"y\n", None),
        (b"y\ny\ny", None),
        (b"y\n" + REPORT, None),
        (b"y" + REPORT + b"\n", False),
        (b"y\n" + REPORT + b"y\n", True),
        (REPORT + b"y\r", True),
        (REPORT + b"y" + REPORT + b"\n", True),
        (REPORT + b"ye\x7f\n", True),
        (REPORT + b"no\x15y\n", True),
        (REPORT + b"yes\n", False),
        (REPORT + b"Y\n", False),
        (REPORT + b"\n", False),
        (REPORT + b"\x04", False),
        (b"\x04", False),
        (b"cancel\n", True),
        (REPORT + b"cancel\n", True),
        (b"can" + REPORT + b"cel\n", False),
        (b"n\n", False),
        (b"\n", False),
        (b"\x1b[1;2" + b"R" * 2000, False),
    ],
)
@settings(max_examples=25)
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


@dataclass
class User:
    """The other end of the terminal: it types each text after the output it waits for, then reads to the end."""

    screen: int
    shown: bytes = b""

    def begin(self, *steps: tuple[bytes, bytes]) -> None:
        Thread(target=self._act, args=(steps,), daemon=True).start()

    def _act(self, steps: tuple[tuple[bytes, bytes], ...]) -> None:
        for wanted, typed in steps:
            while wanted not in self.shown:
                self.shown += os.read(self.screen, 500)
            os.write(self.screen, typed)


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Output, User]]:
    monkeypatch.setenv("TERM", "xterm")
    ours, theirs = pty.openpty()
    with os.fdopen(theirs, "w", encoding="utf-8") as out, os.fdopen(os.dup(theirs), encoding="utf-8") as keys:
        mode = termios.tcgetattr(theirs)
        output = Output(out, out, is_terminal=True, width=80, color=False, ascii_only=False, keyboard=keys)
        yield output, User(ours)
        assert termios.tcgetattr(theirs) == mode, "the terminal has its mode back"
    os.close(ours)


def test_y_counts_after_the_report(terminal: tuple[Output, User]) -> None:
    output, user = terminal
    user.begin((CURSOR_REQUEST.encode(), b"y\n" + REPORT), (b"6n", b"y\n"))
    assert confirm(output, "Cancel 1 run? ", word="cancel", timeouts=LONG)


def test_silent_terminal_accepts_the_word(terminal: tuple[Output, User]) -> None:
    output, user = terminal
    user.begin((b"?", b"y\n"), (b"type cancel to confirm", b"cancel\n"))
    assert confirm(output, "Cancel 1 run? ", word="cancel", timeouts=SHORT)
    assert user.shown.count(CURSOR_REQUEST.encode()) == 3
    assert user.shown.count(b"Waiting for the terminal to answer") == 1


@pytest.fixture
def fleet() -> Fleet:
    fleet = Fleet(VirtualClock())
    fleet.add(FleetRun(1, -100, -60, 1e6))
    return fleet


@pytest.fixture
def api(fleet: Fleet) -> Iterator[FleetApi]:
    with serving(fleet) as api:
        yield api


def test_slow_terminal_ignores_keys_typed_before(fleet: Fleet, api: FleetApi) -> None:
    terminal = Terminal("cancel", fleet.runs[0].id, env=environment(api.url), silent=True)
    terminal.read_until(CURSOR_REQUEST)
    terminal.type("y\n")
    terminal.answer()
    terminal.type("n\n")
    assert terminal.end() == 1
    assert not any(path.endswith("/cancel") for _, path, _ in fleet.requests)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_signal_restores_the_terminal_mode(fleet: Fleet, api: FleetApi, number: signal.Signals) -> None:
    terminal = Terminal("cancel", fleet.runs[0].id, env=environment(api.url), silent=True)
    mode = termios.tcgetattr(terminal.descriptor)
    terminal.read_until(CURSOR_REQUEST)
    assert termios.tcgetattr(terminal.descriptor) != mode
    os.kill(terminal.process.pid, number)
    terminal.process.wait(30)
    assert termios.tcgetattr(terminal.descriptor) == mode
    terminal.end()


def test_ctrl_z_restores_the_terminal_mode_until_fg(fleet: Fleet, api: FleetApi) -> None:
    environ = environment(api.url, PS1="SH$ ", HISTFILE="")
    with Screen([sys.executable, "-c", SHELL], env=environ, holds_cursor=True) as terminal:
        terminal.wait_for("SH$")
        terminal.send(f"{sys.executable} -m tui cancel {fleet.runs[0].id}\n")
        terminal.wait_for_bytes(CURSOR_REQUEST.encode())
        asking = termios.tcgetattr(terminal.descriptor)
        terminal.send("\x1a")
        terminal.wait_for_bytes(b"Stopped")
        terminal.send("stty sane; fg\n")
        terminal.wait_until(lambda: termios.tcgetattr(terminal.descriptor) == asking, "the mode of the question")
        terminal.answer_cursor()
        terminal.send("y\r")
        terminal.wait_for("canceled")
        terminal.send("exit\r")
        terminal.end()
