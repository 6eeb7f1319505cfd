"""What the terminal is sent for single changes and faults."""

import subprocess
import sys

import pytest
from rich.color import ColorSystem
from rich.segment import ControlType, Segment
from rich.style import Style

from tests.support.terminal_frames import COLUMNS, LINES
from tui.kit.terminal.output import for_screen
from tui.terminal.cells import SAME_EVERYWHERE, Capabilities, width_of
from tui.terminal.output import FrugalOutput

ALL = Capabilities(erases_with_ground=True, scrolls_regions=True, erases_characters=True, repeats=True)


def drawn(output: FrugalOutput, *rows: str, style: str = "") -> str:
    """A frame of whole rows; returns what the terminal is sent."""
    for y, row in enumerate(rows):
        output.draw(y, 0, [Segment(f"{row:{COLUMNS}}", Style.parse(style))])
    return output.take()


def sent(output: FrugalOutput, y: int, x: int, *texts: str | tuple[str, str | Style]) -> str:
    """What the terminal is sent after texts, some with a style, were drawn from a cell on."""
    pairs = [(each, "") if isinstance(each, str) else each for each in texts]
    output.draw(y, x, [Segment(text, Style.parse(style) if isinstance(style, str) else style) for text, style in pairs])
    return output.take()


def rows_from(first: int) -> list[str]:
    """Seven rows that differ in most of their cells."""
    return [f"row {y} {str(y) * 12}" for y in range(first, first + LINES)]


def started(able: Capabilities = ALL) -> FrugalOutput:
    """An output whose terminal shows seven different rows."""
    output = FrugalOutput(COLUMNS, LINES, able)
    drawn(output, *rows_from(0))
    return output


@pytest.mark.parametrize(("shift", "sequence"), [(2, "\x1b[1;7r\x1b[7H\n\n\x1b[r"), (-1, "\x1b[1;7r\x1b[H\x1bM\x1b[r")])
def test_lines_move_at_borders_without_scroll_commands(shift: int, sequence: str) -> None:
    assert sequence in drawn(started(Capabilities(scrolls_at_borders=True)), *rows_from(shift))


def test_text_that_is_passed_on_repaints_nothing() -> None:
    output, pieces = started(), for_screen(f"\x1b]52;c;{'YWJj' * 600}\x07")
    output.pass_on("\x07")
    output.pass_on(pieces)
    assert output.take() == f"\x07{pieces}"
    assert output.take() == ""


def test_text_that_is_passed_on_stays_behind_its_frame() -> None:
    output = started()
    output.pass_on("\x07")
    assert "second" in (text := sent(output, 1, 0, "second"))
    assert text.endswith("\x07")


def test_moved_cursor_returns_to_where_the_program_wants_it() -> None:
    output = started()
    assert output.restored_cursor() == "", "not needed"
    output.cursor = (2, 3)
    output.take()
    assert output.restored_cursor() == "\x1b[3;4H"
    assert output.take() == ""


@pytest.mark.parametrize("name", Style.STYLE_ATTRIBUTES.values())
def test_style_of_rich_changes_one_cell(name: str) -> None:
    style = Style.parse(name)
    text = sent(started(), 1, 0, ("X", style))
    assert text.endswith(f"{style.render('X').partition('X')[0]}X")
    assert "row" not in text


def test_blanks_are_not_written_in_italics() -> None:
    """GNU screen draws italics in reverse."""
    assert sent(started(), 1, 0, ("X", "italic"), "  Y").endswith("X\x1b[m  Y")


def test_italics_outlast_the_end_of_faint_text() -> None:
    """In GNU screen, one parameter ends both."""
    text = sent(started(), 1, 0, ("X", "dim italic red on green"), ("Y", "bold italic red on green"))
    assert "\x1b[22;1;3mY" in text


def test_colours_are_those_of_the_terminal() -> None:
    output = started()
    output.colors = ColorSystem.EIGHT_BIT
    assert sent(output, 1, 0, ("X", "#ff0000")).endswith("\x1b[38;5;196mX")
    output.colors = None
    assert sent(output, 1, 0, ("Y", "bold #ff0000")).endswith("\x1b[mY")


@pytest.mark.parametrize("hidden", ["\x1b[2J", "\x9b2J", "\r\n", "\x07"])
def test_text_and_links_send_no_controls(hidden: str) -> None:
    output = started()
    text = sent(output, 1, 0, (f"{hidden}te{hidden}xt", Style(link=f"https://a{hidden}b")))
    assert hidden not in text
    assert "xt" in text
    output.draw(1, 0, [Segment(hidden, None, [(ControlType.BELL,)])])
    assert output.take() == ""


def test_what_does_not_fit_is_cut() -> None:
    output = started()
    text = sent(output, 0, COLUMNS - 1, "日x")
    assert "日" not in text
    assert "x" not in text
    assert sent(output, 0, COLUMNS, "x") == ""
    assert sent(output, LINES, 0, "x") == ""
    assert "日" not in sent(FrugalOutput(1, 1, ALL), 0, 0, "日")


def test_combining_characters_of_a_cell_are_bounded() -> None:
    assert len(sent(started(), 0, 0, "a" + "\u0301" * 5000)) < 500
    assert len(sent(started(), 0, 0, "a", "\u0301" * 5000)) < 500


def test_repaint_closes_a_link_whose_end_was_dropped() -> None:
    output = started()
    sent(output, 1, 0, ("text", Style(link="https://example")))
    sent(output, 2, 0, "plain")
    output.forget()
    assert output.take().index("\x1b]8;;\x1b\\") < 20


def test_move_from_behind_the_last_column_is_absolute() -> None:
    """There terminals differ in what one column to the left is."""
    output = started()
    output.cursor = (1, COLUMNS - 2)
    assert sent(output, 1, COLUMNS - 1, "X").endswith(f"X\x1b[2;{COLUMNS - 1}H")


def test_cursor_moves_by_distances_only() -> None:
    """A vt100 cannot move to the number of a column."""
    output = started()
    output.cursor = (0, 21)
    moved = output.take()
    output.draw(0, 21, [Segment("X")])
    assert "G" not in moved + sent(output, 0, 2, "Y")


def test_common_terminal_needs_no_curses_and_gets_its_entry() -> None:
    code = (
        "import sys; from tui.terminal import cells as here; found = here.Capabilities.of({'TERM': sys.argv[1]})"
        "; assert 'curses' not in sys.modules; here.SAME_EVERYWHERE = ''"
        "; assert found == here.Capabilities.of({'TERM': sys.argv[1]}); assert 'curses' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code, SAME_EVERYWHERE], check=True)


@pytest.mark.parametrize("character", ["✌", "㉈", "䷀", "😀", "\xad"])
def test_character_of_disputed_width_is_placed(character: str) -> None:
    text = sent(started(), 1, 0, f"{character}!")
    assert text.endswith(f"\x1b[2;{1 + width_of(character)}H!")


def test_lost_cells_are_painted_again() -> None:
    output = started()
    output.lose_cells(3, 0, 4)
    assert "row " in (text := output.take())
    assert "3" * 12 not in text
    output.lose_cells(LINES, 0, 4)  # the terminal is smaller by now
    assert output.take() == ""
