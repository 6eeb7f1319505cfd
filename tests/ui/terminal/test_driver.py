"""The terminal on a real pty: its size, the first frame, the driver's start and end, and a writer that never waits."""

import asyncio
import fcntl
import os
import pty
import select
import signal
import struct
import sys
import termios
import threading
import tty
from collections.abc import Iterator
from dataclasses import dataclass, field
from threading import Thread

import pytest
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.app import App
from textual.message import Message

from tui.kit.driver import TerminalDriver
from tui.kit.terminal import early as terminal_output
from tui.kit.terminal.early import (
    FALLBACK_SIZE,
    MAX_CELLS,
    MAX_COLUMNS,
    MAX_ROWS,
    MAX_UNWRITTEN_BYTES,
    EarlyTerminal,
    TerminalWriter,
    has_undrawn_part,
    size_of,
)
from tui.kit.terminal.input import TerminalTakenBack
from tui.kit.terminal.output import Query

SCREEN_OFF = b"\x1b[?1049l"
ANSWERS = b"\x1b[0n"


@pytest.mark.parametrize(
    ("reported", "size"),
    [
        ((120, 40), (120, 40)),
        ((65_535, 65_535), (MAX_COLUMNS, MAX_CELLS // MAX_COLUMNS)),
        ((1, 65_535), (1, MAX_ROWS)),
        ((65_535, 1), (MAX_COLUMNS, 1)),
        ((0, 0), FALLBACK_SIZE),
        ((1, 1), (1, 1)),
    ],
)
def test_size_comes_from_the_kernel_within_bounds(
    reported: tuple[int, int], size: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "9999999")
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", reported[1], reported[0], 0, 0))
    assert size_of(slave) == size
    assert has_undrawn_part(slave) == (max(reported) == 65_535)
    os.close(master)
    os.close(slave)


def test_exit_waits_for_a_reply_in_flight(monkeypatch: pytest.MonkeyPatch) -> None:
    master, slave = pty.openpty()

    def answer_late() -> None:
        written = b""
        while SCREEN_OFF not in written:
            written += os.read(master, 10_000)
        os.write(master, b"j\x1b[0n\x1b[24;80R\x1b[0n")

    async def scenario() -> None:
        driver = TerminalDriver(App[int]())
        driver.start_application_mode()
        driver.frames.ask_cursor((2, 19))
        terminal = Thread(target=answer_late)
        terminal.start()
        driver.stop_application_mode()
        terminal.join()
        driver.close()

    with os.fdopen(slave, "r+b", buffering=0) as stream:
        monkeypatch.setattr(sys, "__stdin__", stream)
        monkeypatch.setattr(sys, "__stdout__", stream)
        asyncio.run(scenario())
        tty.setraw(slave, termios.TCSANOW)
        assert select.select([slave], [], [], 0)[0] == []
    os.close(master)


def test_app_learns_that_another_had_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    master, slave = pty.openpty()
    posted: list[Message] = []

    class TakenBackApp(App[int]):
        def post_message(self, message: Message) -> bool:
            posted.append(message)
            return True

    async def scenario() -> None:
        driver = TerminalDriver(TakenBackApp())
        driver.start_application_mode()
        os.write(master, ANSWERS)
        driver.stop_application_mode()
        assert not any(isinstance(each, TerminalTakenBack) for each in posted)
        driver.start_application_mode(after_program=True)
        assert sum(isinstance(each, TerminalTakenBack) for each in posted) == 1
        signal.raise_signal(signal.SIGCONT)
        await asyncio.sleep(0)
        assert sum(isinstance(each, TerminalTakenBack) for each in posted) == 2
        os.write(master, ANSWERS)
        driver.close()

    with os.fdopen(slave, "r+b", buffering=0) as stream:
        monkeypatch.setattr(sys, "__stdin__", stream)
        monkeypatch.setattr(sys, "__stdout__", stream)
        asyncio.run(scenario())
    os.close(master)


@pytest.mark.parametrize(
    ("asked", "x", "y", "is_passed"),
    [(1, 0, 1, True), (1, 0, 0, True), (1, 1, 0, False), (1, 15, 0, False), (0, 0, 1, False)],
)
def test_app_gets_a_cursor_report_only_if_it_asked(
    asked: int, x: int, y: int, is_passed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the first row, the report has the bytes of F3 with shift and other modifiers."""
    passed: list[Message] = []

    async def scenario() -> None:
        driver = TerminalDriver(App[int]())
        monkeypatch.setattr(driver, "send_message", passed.append)
        driver.frames.queries.ask(*[Query.CURSOR] * asked)
        driver.process_message(events.CursorPosition(x, y))

    asyncio.run(scenario())
    assert bool(passed) is is_passed


ROWS = [[Segment("head", Style(bold=True))], [Segment("loading")]]


@pytest.fixture
def ends() -> Iterator[tuple[int, int]]:
    master, slave = os.openpty()
    yield master, slave
    os.close(master)
    os.close(slave)


def output(master: int) -> bytes:
    text = b""
    while select.select([master], [], [], 0)[0]:
        text += os.read(master, 65536)
    return text


def is_raw(slave: int) -> bool:
    return not termios.tcgetattr(slave)[3] & (termios.ECHO | termios.ICANON | termios.ISIG)


def test_early_terminal_shows_rows_until_it_is_taken_over(ends: tuple[int, int]) -> None:
    master, slave = ends
    before = termios.tcgetattr(slave)
    with EarlyTerminal(slave, slave) as terminal:
        terminal.show(ROWS)
        assert terminal.is_shown
        assert is_raw(slave)
        shown = output(master)
        assert shown.startswith(b"\x1b[?1049h\x1b[?25l")
        assert b"head" in shown
        assert b"loading" in shown
        assert terminal.take_over() == before
    assert output(master) == b""
    assert is_raw(slave), "whoever took it over restores it"


def test_early_terminal_is_restored_after_an_exception(ends: tuple[int, int]) -> None:
    master, slave = ends
    before = termios.tcgetattr(slave)
    with pytest.raises(ZeroDivisionError), EarlyTerminal(slave, slave) as terminal:
        terminal.show(ROWS)
        _ = 1 / 0
    assert output(master).endswith(b"\x1b[?1049l\x1b[?25h")
    assert termios.tcgetattr(slave) == before


def test_keys_typed_before_an_early_end_do_not_reach_the_shell(ends: tuple[int, int]) -> None:
    master, slave = ends
    with EarlyTerminal(slave, slave) as terminal:
        terminal.show(ROWS)
        os.write(master, b"rm\n")
        assert select.select([slave], [], [], 10)[0]
    assert not select.select([slave], [], [], 0)[0]


def test_stop_waits_until_the_terminal_is_taken_over(ends: tuple[int, int]) -> None:
    stops: list[int] = []
    before = signal.signal(signal.SIGTSTP, lambda number, _: stops.append(number))
    try:
        with EarlyTerminal(ends[1], ends[1]) as terminal:
            terminal.show(ROWS)
            signal.raise_signal(signal.SIGTSTP)
            assert stops == []
            terminal.take_over()
            assert stops == [signal.SIGTSTP]
    finally:
        signal.signal(signal.SIGTSTP, before)


PATIENCE_S = 100.0


@dataclass
class Pty:
    """A terminal whose output is read only by `read`."""

    master: int
    slave: int
    gone: threading.Event = field(default_factory=threading.Event)
    caught_up: threading.Event = field(default_factory=threading.Event)

    def writer(self) -> TerminalWriter:
        return TerminalWriter(self.slave, on_gone=self.gone.set, on_caught_up=self._on_caught_up)

    def _on_caught_up(self, has_dropped: bool) -> None:
        if has_dropped:
            self.caught_up.set()

    def read(self, size: int) -> bytes:
        """Read exactly `size` bytes."""
        got = b""
        while len(got) < size:
            assert select.select([self.master], [], [], PATIENCE_S)[0], f"only {len(got)} bytes of {size}"
            got += os.read(self.master, size - len(got))
        return got


@pytest.fixture(params=["own", "shared"])
def terminal(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Pty]:
    """Run a test once with a reopened terminal, once with the shared descriptor."""
    if request.param == "shared":
        monkeypatch.setattr(terminal_output, "_reopen", lambda descriptor: (descriptor, False))
    master, slave = pty.openpty()
    tty.setraw(slave)
    terminal = Pty(master, slave)
    yield terminal
    for descriptor in (terminal.master, terminal.slave):
        if descriptor >= 0:
            os.close(descriptor)


@pytest.mark.parametrize("is_blocking", [True, False])
def test_writer_loses_nothing_in_either_mode(terminal: Pty, is_blocking: bool) -> None:
    os.set_blocking(terminal.slave, is_blocking)
    flags = fcntl.fcntl(terminal.slave, fcntl.F_GETFL)
    writer = terminal.writer()
    sent = "".join(f"{number:07}é" for number in range(MAX_UNWRITTEN_BYTES // 10)).encode()
    writer.write(sent.decode())
    assert not writer.finish(0.0)
    assert terminal.read(len(sent)) == sent
    assert writer.finish(PATIENCE_S)
    assert fcntl.fcntl(terminal.slave, fcntl.F_GETFL) == flags
    writer.close()
    assert not terminal.gone.is_set()


def test_writer_drops_frames_when_behind_and_reports_it(terminal: Pty) -> None:
    writer = terminal.writer()
    assert writer.write("a" * MAX_UNWRITTEN_BYTES * 2)
    assert not writer.write("lost")
    assert terminal.read(MAX_UNWRITTEN_BYTES * 2) == b"a" * MAX_UNWRITTEN_BYTES * 2
    assert terminal.caught_up.wait(PATIENCE_S)
    assert writer.write("kept")
    assert terminal.read(4) == b"kept"
    writer.close()


def test_close_does_not_wait_for_a_blocked_terminal(terminal: Pty) -> None:
    writer = terminal.writer()
    writer.write("a" * MAX_UNWRITTEN_BYTES)
    terminal.read(1)
    writer.close()
    writer.write("b")
    written = b""
    while select.select([terminal.master], [], [], 0)[0]:
        written += terminal.read(1)
    os.write(terminal.slave, b"shell")
    while not written.endswith(b"shell"):
        written += terminal.read(1)
    assert written.strip(b"a") == b"shell"


def test_closed_terminal_is_reported_once_without_waiting(terminal: Pty) -> None:
    writer = terminal.writer()
    os.close(terminal.master)
    terminal.master = -1
    writer.write("a")
    assert terminal.gone.wait(PATIENCE_S)
    writer.write("b")
    assert writer.finish(PATIENCE_S)
    writer.close()
