"""Random frames, as a program draws them and as the terminal is sent them, look the same."""

import re
from random import Random

from hypothesis import given
from hypothesis import strategies as st
from rich.segment import Segment

from tests.perf.paint_cost import paint_cost
from tests.support.terminal_frames import (
    ALL,
    COLUMNS,
    LEFT_BEHIND,
    LINES,
    RandomProgram,
    able,
    blank_terminal,
    cells,
    examples,
    randoms,
)
from tui.terminal.cells import Capabilities
from tui.terminal.encoder import SYNC_BEGINS, SYNC_ENDS
from tui.terminal.output import FrugalOutput

FRAMES = 8


def draw_both(random: Random, able: Capabilities, *, frames: int, has_unsure: bool) -> None:
    """Draw frames on two terminals, as they are and as they are sent, and compare cells and cursors."""
    program = RandomProgram(random, has_unsure=has_unsure)
    output, plain, frugal = FrugalOutput(COLUMNS, LINES, able), blank_terminal(), blank_terminal(able=able)
    for _ in range(frames):
        if random.random() < 0.1:
            columns, lines = program.resize()
            output.resize(columns, lines)
            frugal.screen.resize(lines, columns)
            plain = blank_terminal(columns, lines)
        if random.random() < 0.1:
            output.forget()
            frugal.feed(LEFT_BEHIND.encode())
        frame = program.frame()
        plain.feed(frame.placed.encode())
        frame.draw_on(output)
        if random.random() < 0.2:
            continue  # the terminal is not sent every frame
        frugal.feed(output.take().encode())
        assert cells(frugal) == cells(plain)
        if frame.cursor is not None:
            assert (frugal.screen.cursor.y, frugal.screen.cursor.x) == frame.cursor


@examples(80)
@given(randoms, able, st.booleans())
def test_both_ways_draw_the_same_cells(random: Random, able: Capabilities, has_unsure: bool) -> None:
    draw_both(random, able, frames=FRAMES, has_unsure=has_unsure)


@examples(30)
@given(randoms)
def test_frames_cost_little_more_than_the_least(random: Random) -> None:
    program, output = RandomProgram(random, is_simple=True), FrugalOutput(COLUMNS, LINES, ALL)
    terminal = blank_terminal()

    def sent() -> bytes:
        program.frame().draw_on(output)
        return output.take().encode()

    terminal.feed(sent())
    sent_bytes = least_bytes = 0
    for _ in range(FRAMES):
        before = terminal.screen.snapshot()
        data = sent()
        terminal.feed(data)
        sent_bytes += len(data) - (len(SYNC_BEGINS + SYNC_ENDS) if data.startswith(SYNC_BEGINS.encode()) else 0)
        least_bytes += paint_cost(before, terminal.screen.snapshot())
    assert sent_bytes <= 1.1 * least_bytes + 12


JOINING = (*"a日é\u0301\ufe0e\ufe0f👨🇪🏽\u0bbe가\xad\b\r", "\u200d", "\u200d\u200d")


@examples(30)
@given(randoms)
def test_wide_characters_have_two_cells_whatever_joins_them(random: Random) -> None:
    for _ in range(20):
        output, written = FrugalOutput(6, 1, ALL), []
        for _ in range(4):
            written.append((random.randint(0, 7), "".join(random.choices(JOINING, k=random.randint(0, 4)))))
            output.draw(0, written[-1][0], [Segment(each) for each in re.split("(?=é)", written[-1][1])])
        widths = "".join(str(cell.width) for cell in output.rows[0])
        assert re.fullmatch("(1|20)+", widths), ascii(written)
        assert len(widths) == 6
