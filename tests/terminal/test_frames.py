"""Random frames, as a program writes them and as the terminal is sent them, look the same."""

import re
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from tests.perf.paint_cost import paint_cost
from tests.support.terminal_frames import (
    ALL,
    COLUMNS,
    LEFT_BEHIND,
    LINES,
    MODES,
    RandomProgram,
    able,
    blank_terminal,
    cells,
    examples,
    randoms,
)
from tui.terminal.cells import PLAIN, Capabilities, CellTable, Grid, Pen
from tui.terminal.decoder import Decoder
from tui.terminal.output import HOME, FrugalOutput

FRAMES = 8
IGNORED = re.compile(r"\x1b\[\?(?:2026|25)[hl]|\x1b\]8;[^\x1b]*\x1b\\|;2(?=m)|22;(?=1m)|;53(?=m)|(?<=\[)21(?=m)")
"""What the ruler does not count: updates, links, a visible cursor, faint bold, lines above or twice below."""


def draw_both(random: Random, able: Capabilities, *, frames: int, has_unsure: bool) -> None:
    """Draw frames on two terminals, as they are and as they are sent, and compare cells and cursors."""
    program = RandomProgram(random, has_unsure=has_unsure)
    output, plain, frugal = FrugalOutput(COLUMNS, LINES, able), blank_terminal(), blank_terminal(able=able)
    frugal.feed(output.write(MODES).encode())
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
        output.draw(frame.written)
        if random.random() < 0.2:
            continue  # the terminal is not sent every frame
        frugal.feed(output.take().encode())
        assert cells(frugal) == cells(plain)
        wanted = plain.screen.cursor
        if not wanted.hidden or (wanted.y, wanted.x) != HOME:
            assert (frugal.screen.cursor.y, frugal.screen.cursor.x) == (wanted.y, min(wanted.x, program.columns - 1))


@examples(80)
@given(randoms, able, st.booleans())
def test_both_ways_draw_the_same_cells(random: Random, able: Capabilities, has_unsure: bool) -> None:
    draw_both(random, able, frames=FRAMES, has_unsure=has_unsure)


@examples(30)
@given(randoms, st.integers(1, 9))
def test_any_cut_of_the_writes_draws_the_same_cells(random: Random, size: int) -> None:
    program = RandomProgram(random)
    output, plain, frugal = FrugalOutput(COLUMNS, LINES, ALL), blank_terminal(), blank_terminal()
    frugal.feed(output.write(MODES).encode())
    frames = [program.frame() for _ in range(FRAMES // 2)]
    plain.feed("".join(frame.placed for frame in frames).encode())
    written = "".join(frame.written for frame in frames)
    for start in range(0, len(written), size):
        frugal.feed(output.write(written[start : start + size]).encode())
    assert cells(frugal) == cells(plain)


@examples(30)
@given(randoms)
def test_sent_text_decodes_to_the_wanted_cells(random: Random) -> None:
    """It compares pens and links too, of which the other terminal knows only some."""
    program, output, table = (
        RandomProgram(random, has_unsure=True),
        FrugalOutput(COLUMNS, LINES, Capabilities()),
        CellTable(),
    )
    wanted, sent = (Decoder(Grid(COLUMNS, LINES, table.blank(PLAIN)), table) for _ in range(2))
    for _ in range(FRAMES):
        written = program.frame().written
        list(wanted.feed(written))
        list(sent.feed(output.write(written)))
        assert seen(sent.grid) == seen(wanted.grid)


def seen(grid: Grid) -> list[list[tuple[str, Pen]]]:
    """The texts and pens of all cells."""
    return [[(cell.text, cell.pen) for cell in row] for row in grid.rows]


@examples(30)
@given(randoms)
def test_frames_cost_little_more_than_the_least(random: Random) -> None:
    program, output, terminal = RandomProgram(random), FrugalOutput(COLUMNS, LINES, ALL), blank_terminal()
    terminal.feed(output.write(MODES + IGNORED.sub("", program.frame().written)).encode())
    sent_bytes = least_bytes = 0
    for _ in range(FRAMES):
        before = terminal.screen.snapshot()
        sent = output.write(IGNORED.sub("", program.frame().written)).encode()
        terminal.feed(sent)
        sent_bytes += len(sent)
        least_bytes += paint_cost(before, terminal.screen.snapshot())
    assert sent_bytes <= 1.1 * least_bytes + 12


JOINING = (*"a日é\u0301\ufe0e\ufe0f👨🇪🏽\u0bbe가\xad\b\r", "\u200d", "\u200d\u200d", "\x1b[31m", "\x1b[2C", "\x1b[K")


@examples(30)
@given(randoms)
def test_wide_characters_have_two_cells_whatever_joins_them(random: Random) -> None:
    table = CellTable()
    for _ in range(20):
        grid = Grid(6, 1, table.blank(PLAIN))
        written = "".join(random.choices(JOINING, k=6))
        list(Decoder(grid, table).feed(written))
        widths = "".join(str(cell.width) for cell in grid.rows[0])
        assert re.fullmatch("(1|20)+", widths), ascii(written)
        assert len(widths) == grid.columns
