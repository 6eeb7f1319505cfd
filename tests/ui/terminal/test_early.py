import os
import select
import signal
import termios
from collections.abc import Iterator

import pytest
from rich.segment import Segment
from rich.style import Style

from tests.perf.screen import Emulator, Screen
from tui.kit.terminal.early import DRIVER_VARIABLE, PLAIN_DRIVER, EarlyTerminal

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


class OneScreen(Screen):
    """A terminal without an alternate screen."""

    def alternate(self, on: bool) -> None:
        pass


def test_shell_goes_on_below_the_frame_of_a_single_screen(ends: tuple[int, int]) -> None:
    master, slave = ends
    with EarlyTerminal(slave, slave) as terminal:
        terminal.show(ROWS)
    emulator = Emulator(OneScreen(*terminal.size))
    emulator.feed(output(master))
    rows, cursor = emulator.screen.rows_text(), emulator.screen.cursor
    assert "loading" in "".join(rows)
    assert (rows[cursor.y].strip(), cursor.x, cursor.y) == ("", 0, terminal.size[1] - 1)


def test_keys_typed_before_an_early_end_do_not_reach_the_shell(ends: tuple[int, int]) -> None:
    master, slave = ends
    with EarlyTerminal(slave, slave) as terminal:
        terminal.show(ROWS)
        os.write(master, b"rm\n")
        assert select.select([slave], [], [], 10)[0]
    assert not select.select([slave], [], [], 0)[0]


def test_early_terminal_without_a_frame_changes_nothing(ends: tuple[int, int]) -> None:
    master, slave = ends
    before = termios.tcgetattr(slave)
    with EarlyTerminal(slave, slave) as terminal:
        assert not terminal.is_shown
    assert output(master) == b""
    assert termios.tcgetattr(slave) == before


def test_driver_draws_only_what_differs_from_the_first_frame(ends: tuple[int, int]) -> None:
    _, slave = ends
    with EarlyTerminal(slave, slave) as terminal:
        terminal.show(ROWS)
        terminal.take_over()
        terminal.screen.draw(0, 0, ROWS[0])
        terminal.screen.draw(1, 0, [Segment("rows   ")])
        assert "head" not in (text := terminal.screen.take())
        assert "loading" not in text


def test_plain_driver_gets_the_first_frame_too(ends: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    master, slave = ends
    monkeypatch.setenv(DRIVER_VARIABLE, PLAIN_DRIVER)
    with EarlyTerminal(slave, slave) as terminal:
        terminal.show(ROWS)
        assert b"loading" in output(master)


def test_frame_is_not_shown_while_the_terminal_is_blocked(ends: tuple[int, int]) -> None:
    _, slave = ends
    termios.tcflow(slave, termios.TCOOFF)  # as after ctrl-s
    with EarlyTerminal(slave, slave) as terminal:
        terminal.show(ROWS)
        assert not terminal.is_shown
        termios.tcflow(slave, termios.TCOON)


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


def test_frame_is_not_shown_any_more_after_sigcont(ends: tuple[int, int]) -> None:
    with EarlyTerminal(ends[1], ends[1]) as terminal:
        terminal.show(ROWS)
        signal.raise_signal(signal.SIGCONT)
        assert not terminal.is_shown
