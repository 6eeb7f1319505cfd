"""The driver measures its terminal, and sends the title again to one that was behind."""

import asyncio
import fcntl
import os
import pty
import select
import signal
import struct
import sys
import termios
import tty
from collections.abc import Callable
from functools import partial
from threading import Thread

import pytest
from rich.segment import Segment
from textual import events
from textual.app import App
from textual.message import Message

from tui.kit.driver import TerminalDriver
from tui.kit.terminal.early import (
    CLEAR,
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
from tui.kit.terminal.input import InputDecoder, TerminalAnswer, TerminalTakenBack
from tui.kit.terminal.output import PaintedPiece, Query, first_queries
from tui.terminal.encoder import Place

SCREEN_OFF = b"\x1b[?1049l"
ANSWERS = b"\x1b[0n"


@pytest.mark.parametrize(
    ("reported", "size"),
    [
        ((120, 40), (120, 40)),
        ((65_535, 65_535), (MAX_COLUMNS, MAX_CELLS // MAX_COLUMNS)),
        ((1, 65_535), (1, MAX_ROWS)),
        ((65_535, 1), (MAX_COLUMNS, 1)),
        ((640, 180), (640, 180)),
        ((0, 0), FALLBACK_SIZE),
        ((0, 50), (FALLBACK_SIZE[0], 50)),
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


def writer_of(driver: TerminalDriver, slave: int) -> TerminalWriter:
    """Return a writer as the driver makes it."""
    on_caught_up = partial(driver._call_in_loop, driver.frames.on_caught_up)
    return TerminalWriter(slave, on_gone=driver._on_hang_up, on_caught_up=on_caught_up)


def show(driver: TerminalDriver, text: str, cursor: Place = (0, 0)) -> None:
    """Draw a text in the first row."""
    driver.frames.show([PaintedPiece(0, 0, [Segment(text)])], cursor)


def test_dropped_title_is_sent_again() -> None:
    master, slave = pty.openpty()

    async def scenario() -> bytes:
        driver = TerminalDriver(App[int]())
        driver._writer = writer_of(driver, slave)
        driver._is_active = True
        driver.frames.writer = driver._writer
        driver._writer.write("x" * 2 * MAX_UNWRITTEN_BYTES)
        assert not driver.frames.ask_cursor((2, 19))
        driver.frames.set_title("PROD")
        written = b""
        async with asyncio.timeout(100):
            while b"\x1b[22;2t\x1b]2;PROD\x1b\\" not in written:
                written += await asyncio.to_thread(os.read, master, MAX_UNWRITTEN_BYTES)
        driver.frames.set_title("DEV")
        written = await asyncio.to_thread(os.read, master, MAX_UNWRITTEN_BYTES)
        driver._writer.close()
        return written

    assert asyncio.run(scenario()) == b"\x1b]2;DEV\x1b\\"
    os.close(master)
    os.close(slave)


def test_repaint_clears_the_screen_with_its_frame() -> None:
    master, slave = pty.openpty()

    async def scenario() -> bytes:
        driver = TerminalDriver(App[int]())
        driver._writer = writer_of(driver, slave)
        driver._is_active = True
        driver.frames.writer = driver._writer
        driver.frames.pacer.is_slow_profile = True
        for text in "0123":
            show(driver, text)
            driver.frames._send()
        sent = b""
        while b"3" not in sent:
            sent += os.read(master, MAX_UNWRITTEN_BYTES)
        driver.frames.repaint(CLEAR)
        show(driver, "painted")
        written = await asyncio.wait_for(asyncio.to_thread(os.read, master, MAX_UNWRITTEN_BYTES), 10)
        driver._writer.close()
        return written

    written = asyncio.run(scenario())
    assert written.startswith(CLEAR.encode())
    assert b"painted" in written
    os.close(master)
    os.close(slave)


def test_cursor_is_not_asked_for_behind_an_empty_screen() -> None:
    """After a new size, the wanted screen is empty until the app has drawn."""
    master, slave = pty.openpty()

    async def scenario() -> None:
        driver = TerminalDriver(App[int]())
        driver._writer = writer_of(driver, slave)
        driver._is_active = True
        driver.frames.writer = driver._writer
        show(driver, "dialog")
        driver.frames.resize(100, 30)
        assert not driver.frames.ask_cursor((2, 19))
        show(driver, "field", cursor=(4, 11))
        assert driver.frames.ask_cursor((2, 19))
        driver._writer.close()

    asyncio.run(scenario())
    # The cursor is back in the field, for an input method.
    returned, written = b"\x1b[3;20H\x1b[6n\x1b[5n\x1b[5;12H", b""
    while not written.endswith(returned) and select.select([master], [], [], 1)[0]:
        written += os.read(master, MAX_UNWRITTEN_BYTES)
    assert written.endswith(returned)
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


def test_reader_knows_that_the_terminal_owes_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    master, slave = pty.openpty()
    awaiting: list[Callable[[], bool]] = []

    def decoder(*, has_mouse: bool, is_awaiting: Callable[[], bool]) -> InputDecoder:
        awaiting.append(is_awaiting)
        return InputDecoder(has_mouse=has_mouse)

    async def scenario() -> None:
        driver = TerminalDriver(App[int]())
        driver.start_application_mode()
        assert awaiting[0]()
        os.write(master, ANSWERS)
        driver.stop_application_mode()
        driver.close()
        assert not awaiting[0]()

    with os.fdopen(slave, "r+b", buffering=0) as stream:
        monkeypatch.setattr(sys, "__stdin__", stream)
        monkeypatch.setattr(sys, "__stdout__", stream)
        monkeypatch.setattr("tui.kit.driver.InputDecoder", decoder)
        asyncio.run(scenario())
    os.close(master)


def test_frames_follow_a_suspension_during_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    """The app's screen may be complete before the terminal is set up again."""
    master, slave = pty.openpty()

    class StartingApp(App[int]):
        early_terminal = EarlyTerminal(slave, slave)

    async def scenario() -> None:
        driver = TerminalDriver(StartingApp())
        driver.start_application_mode()
        driver.stop_application_mode()
        driver.release()
        driver.start_application_mode()
        show(driver, "rows")
        written = b""
        while (await asyncio.to_thread(select.select, [master], [], [], 1))[0] and b"rows" not in written:
            written += os.read(master, 10_000)
        driver.close()
        assert b"rows" in written

    with os.fdopen(slave, "r+b", buffering=0) as stream:
        monkeypatch.setattr(sys, "__stdin__", stream)
        monkeypatch.setattr(sys, "__stdout__", stream)
        asyncio.run(scenario())
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
    ("environ", "asked"),
    [
        ({"TERM": "xterm-256color"}, "\x1b[>0q\x1b[5n"),
        ({"TERM": "linux"}, "\x1b[5n"),
        ({"TERM": "xterm-256color", "TERM_PROGRAM": "Apple_Terminal"}, "\x1b[5n"),
    ],
)
def test_terminal_is_asked_only_what_it_may_know(environ: dict[str, str], asked: str) -> None:
    assert "".join(query.value for query in first_queries(environ)) == asked


def test_version_of_the_terminal_turns_on_repetition() -> None:
    async def scenario() -> None:
        driver = TerminalDriver(App[int]())
        driver.frames.queries.ask(Query.VERSION)
        driver.process_message(TerminalAnswer(Query.VERSION, "XTerm(390)"))
        driver.process_message(TerminalAnswer(Query.VERSION, "unknown"))  # nobody asked again
        await asyncio.sleep(0)
        assert driver.frames.screen.able.repeats

    asyncio.run(scenario())


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
