"""What the terminal is sent for single changes, sequences and faults."""

import subprocess
import sys

import pyte
import pytest

from tests.perf.screen import Emulator, Screen
from tests.support.terminal_frames import COLUMNS, LINES, MODES, blank_terminal, cells
from tui.kit.terminal.output import for_screen
from tui.terminal.cells import SAME_EVERYWHERE, Capabilities, width_of
from tui.terminal.output import FrugalOutput

ALL = Capabilities(erases_with_ground=True, scrolls_regions=True, erases_characters=True, repeats=True)


def drawn(output: FrugalOutput, *rows: str) -> str:
    """A frame of whole rows; returns what the terminal is sent."""
    return output.write("".join(f"\x1b[{y + 1};1H{row:{COLUMNS}}" for y, row in enumerate(rows)) + "\x1b[H")


def rows_from(first: int) -> list[str]:
    """Seven rows that differ in most of their cells."""
    return [f"row {y} {str(y) * 12}" for y in range(first, first + LINES)]


def started(able: Capabilities = ALL) -> FrugalOutput:
    """An output whose terminal shows seven different rows."""
    output = FrugalOutput(COLUMNS, LINES, able)
    output.write(MODES)
    drawn(output, *rows_from(0))
    return output


def repainted_row(before: str, written: str) -> str:
    """The second row after a text was drawn there, another one was written, and all was painted again."""
    output, terminal = started(), blank_terminal()
    output.write(f"\x1b[2;1H{before}")
    output.write(written)
    output.forget()
    terminal.feed(output.take().encode())
    return terminal.screen.rows_text()[1].rstrip()


def test_unchanged_frame_sends_nothing() -> None:
    assert drawn(started(), *rows_from(0)) == ""


def test_changed_cell_sends_one_move_and_one_character() -> None:
    rows = rows_from(0)
    rows[3] = f"row X {'3' * 12}"
    assert drawn(started(), *rows).endswith("\x1b[4;5HX")


@pytest.mark.parametrize(("shift", "sequence"), [(1, "\x1b[S"), (2, "\x1b[2S"), (-1, "\x1b[T")])
def test_moved_lines_are_scrolled(shift: int, sequence: str) -> None:
    rows = rows_from(shift)
    assert sequence in drawn(started(), *rows)
    assert sequence not in drawn(started(Capabilities(erases_with_ground=True)), *rows)


@pytest.mark.parametrize(("shift", "sequence"), [(2, "\x1b[1;7r\x1b[7H\n\n\x1b[r"), (-1, "\x1b[1;7r\x1b[H\x1bM\x1b[r")])
def test_lines_move_at_borders_without_scroll_commands(shift: int, sequence: str) -> None:
    assert sequence in drawn(started(Capabilities(scrolls_at_borders=True)), *rows_from(shift))


class OldTerminal(Screen):
    """A terminal on which a line that a line feed brings in has the default ground, as in plain pyte."""

    def index(self) -> None:
        pyte.Screen.index(self)

    def reverse_index(self) -> None:
        pyte.Screen.reverse_index(self)


@pytest.mark.parametrize("shift", [2, -1])
def test_line_that_comes_in_by_a_line_feed_has_its_ground(shift: int) -> None:
    output = FrugalOutput(COLUMNS, LINES, ALL._replace(scrolls_regions=False, scrolls_at_borders=True))
    terminal, usual = Emulator(OldTerminal(COLUMNS, LINES)), blank_terminal()
    first = output.write(MODES + "\x1b[48;2;9;8;7m") + drawn(output, *rows_from(0))
    moved = drawn(output, *rows_from(shift))
    for sent in (first, moved):
        terminal.feed(sent.encode())
        usual.feed(sent.encode())
    assert "\x1b[1;7r" in moved, "lines are moved"
    assert cells(terminal) == cells(usual)
    assert {cell.bg for row in terminal.screen.snapshot() for cell in row} == {"090807"}


def test_borders_of_an_update_count_when_a_scroll_is_chosen() -> None:
    rows = [f"{y} {'same' * 3}" for y in range(LINES)]
    moved = [f"{y + 1} {'same' * 3}" for y in range(LINES)]
    output = FrugalOutput(COLUMNS, LINES, ALL)
    output.write(MODES)
    drawn(output, *rows)
    output.draw("\x1b[?2026h")
    drawn(output, *moved)
    assert "\x1b[S" not in output.write("\x1b[?2026l")


def test_repeats_only_where_the_terminal_is_known_to() -> None:
    row = ["=" * COLUMNS]
    assert "=\x1b[23b" in drawn(started(Capabilities(repeats=True)), *row)
    assert "=" * COLUMNS in drawn(started(Capabilities()), *row)


def test_newline_in_the_last_row_scrolls_the_wanted_screen() -> None:
    output, terminal = FrugalOutput(COLUMNS, LINES, ALL), blank_terminal()
    page = "\x1b[H" + "\r\n".join(f"line {y}" for y in range(LINES + 3)) + "\x1b[H"
    sent = output.write(MODES + page)
    terminal.feed(sent.encode())
    assert [row.strip() for row in terminal.screen.rows_text()] == [f"line {y + 3}" for y in range(LINES)]
    assert sent.count("line") == LINES, "an app that does not know a smaller size yet costs one frame"


@pytest.mark.parametrize("sequence", ["\x1b[?1049h", "\x1b[2S", "\x1bc", "\x1b[4:3m", "\x1b(0", "\x0e", "\x1b[5L"])
def test_foreign_sequence_is_sent_and_all_is_repainted(sequence: str) -> None:
    sent = started().write(sequence)
    assert sent.startswith(sequence)
    assert all(f"row {y}" in sent for y in range(LINES))


@pytest.mark.parametrize(
    "sequence", ["\x1b]2;title\x1b\\", "\x1b]52;c;YQ==\x07", "\x1b[6n", "\x1b[?2026$p", "\x1b[>1u", "\x1b[?1000h"]
)
def test_harmless_sequence_is_sent_alone(sequence: str) -> None:
    assert started().write(sequence) == sequence


def test_question_goes_out_behind_the_frame() -> None:
    assert started().write("\x1b[1;1Hchanged\x1b[H\x1b[6n").endswith("\x1b[6n")


def test_unfinished_sequence_is_kept_for_the_next_write() -> None:
    output = started()
    assert output.write("\x1b]2;ti") == ""
    assert output.write("tle\x1b\\") == "\x1b]2;title\x1b\\"


def test_forgotten_screen_is_repainted() -> None:
    output = started()
    output.forget()
    sent = output.write("")
    assert all(f"row {y}" in sent for y in range(LINES))


def test_resized_screen_starts_empty() -> None:
    output = started()
    output.resize(COLUMNS + 5, LINES)
    assert "row" not in output.write("")


def test_visible_cursor_is_left_where_the_program_wants_it() -> None:
    assert started().write("\x1b[?25h\x1b[3;4H").endswith("\x1b[3;4H\x1b[?25h")


def test_moved_cursor_returns_to_where_the_program_wants_it() -> None:
    output = started()
    assert output.restored_cursor() == ""  # hidden at home: not needed
    output.write("\x1b[3;4H")
    assert output.restored_cursor() == "\x1b[3;4H"
    assert output.write("\x1b[3;4H") == ""


def test_wide_characters_are_placed_for_any_width() -> None:
    sent = started().write("\x1b[2;3H😀😀\x1b[0m!")
    assert "\x1b[2;5H" in sent
    assert "\x1b[2;7H!" in sent


@pytest.mark.parametrize("parameter", [1, 2, 3, 4, 5, 6, 7, 8, 9, 21, 51, 52, 53])
def test_style_of_rich_changes_one_cell(parameter: int) -> None:
    sent = started().write(f"\x1b[2;1H\x1b[{parameter}mX\x1b[0m\x1b[H")
    assert sent.endswith("mX")
    assert "row" not in sent


def test_one_kind_of_underline_replaces_the_other() -> None:
    assert started().write("\x1b[2;1H\x1b[4;21mX\x1b[4mY\x1b[21mZ").endswith("\x1b[21mX\x1b[;4mY\x1b[;21mZ")


def test_blanks_are_not_written_in_italics() -> None:
    """GNU screen draws italics in reverse."""
    assert started().write("\x1b[2;1H\x1b[3mX\x1b[0m  Y").endswith("X\x1b[m  Y")


def test_italics_outlast_the_end_of_faint_text() -> None:
    """In GNU screen, one parameter ends both."""
    assert "\x1b[22;1;3mY" in started().write("\x1b[2;1H\x1b[2;3;31;42mX\x1b[22;1mY")


def test_link_is_opened_and_closed() -> None:
    sent = started().write("\x1b[2;1H\x1b]8;;https://example\x1b\\text\x1b]8;;\x1b\\ after\x1b[H")
    assert sent.index("\x1b]8;;https://example\x1b\\text") < sent.index("\x1b]8;;\x1b\\")


def same_cells(written: str) -> None:
    """Draw the text on two terminals, as it is and as it is sent, and compare them."""
    output, plain, frugal = FrugalOutput(COLUMNS, LINES, ALL), blank_terminal(), blank_terminal()
    frugal.feed(output.write(MODES).encode())
    plain.feed(written.encode())
    frugal.feed(output.write(written).encode())
    assert cells(frugal) == cells(plain)


def test_newline_before_a_move_scrolls_too() -> None:
    same_cells(f"\x1b[1;1Hfirst\x1b[{LINES};1Hlast\r\n\x1b[3;1Hthird")


@pytest.mark.parametrize("more", ["b", "bc", "─", "\tb", "\rb", "\x1b[2Db", "\bb"])
def test_text_behind_the_last_column_stays_in_the_row(more: str) -> None:
    same_cells("\x1b[H" + "a" * COLUMNS + more)


@pytest.mark.parametrize(
    "broken", ["\x1b[3", "\x1b]2;title", "\x1bPdata", "\x1b[3?", "\x1b[?1;2:\x1f", "\x1b(", "\x1b[é"]
)
def test_broken_sequence_does_not_stop_the_screen(broken: str) -> None:
    assert "next" in started().write(f"{broken}\x1b[2;1Hnext")


@pytest.mark.parametrize("final", "Hm")
def test_endless_number_is_foreign(final: str) -> None:
    sequence = f"\x1b[{'9' * 5000}{final}"
    assert started().write(sequence).startswith(sequence)


def test_string_for_tmux_is_sent_whole() -> None:
    sequence = "\x1bPtmux;\x1b\x1b]2;title\x1b\x1b\\\x1b\\"
    assert started().write(sequence).startswith(sequence)


@pytest.mark.parametrize("drawn_before", ["", "\x1b[2;1Hnew\x1b[H"])
def test_pieces_for_gnu_screen_stay_together(drawn_before: str) -> None:
    """GNU screen hands each piece on at once: a frame between them would be a part of the command."""
    output, pieces = started(), for_screen(f"\x1b]52;c;{'YWJj' * 600}\x07")
    sent = output.write(drawn_before + pieces)
    assert pieces.count("\x1bP") > 3
    assert sent.endswith(pieces)
    assert "row" not in sent, "nothing is repainted"
    assert "row" in output.write("\x1bPother\x1b\\")


@pytest.mark.parametrize(
    ("erased", "seen"), [("\x1b[2;4H\x1b[K", "ro"), ("\x1b[2;3H\x1b[1K", "    b"), ("\x1b[2;4H\x1b[J", "ro")]
)
def test_erased_half_takes_the_other_half_of_a_wide_character(erased: str, seen: str) -> None:
    assert repainted_row("ro日b\x1b[K", erased) == seen


def test_wide_character_that_does_not_fit_is_dropped() -> None:
    assert "日" not in started().write(f"\x1b[1;{COLUMNS}H日")
    assert "日" not in FrugalOutput(1, 1, ALL).write("日")


def test_combining_characters_of_a_cell_are_bounded() -> None:
    assert len(started().write("a" + "\u0301" * 5000)) < 500


def test_second_beginning_shows_the_unended_frame() -> None:
    assert "first" in started().write("\x1b[?2026h\x1b[2;1Hfirst\x1b[?2026h")


def test_resized_screen_keeps_the_cursor_hidden() -> None:
    output = started()
    output.resize(COLUMNS, LINES - 1)
    assert drawn(output, *rows_from(0)[: LINES - 1])
    assert drawn(output, *rows_from(0)[: LINES - 1]) == ""


def test_resize_within_a_sequence_keeps_the_sequence() -> None:
    output = started()
    output.write("\x1b[3")
    output.resize(COLUMNS, LINES - 1)
    assert output.write("1mred").endswith("\x1b[31mred")


def test_screen_that_has_ended_is_left_alone() -> None:
    output = started()
    ended = "\x1b[?2004l\x1b[?1049l\x1b[?25h\x1b[6n"
    assert output.write(ended) == ended
    assert output.write("bye\r\n") == "bye\r\n"
    again = "\x1b[31mred\x1b[?1049h\x1b[0;1mbold"
    assert (sent := output.write(f"{again}\x1b[H")).startswith(again)
    assert sent.count("bold") == 2
    assert "bye" not in sent
    assert output.write("\x1b[2;1H\x1b[0mnew") == "\r\n\x1b[mnew"


def test_other_screen_gets_the_pen_of_the_program() -> None:
    output = started()
    output.write("\x1b[2;1H\x1b]8;;https://example\x1b\\\x1b[42mgreen\x1b[0m\x1b]8;;\x1b\\\x1b[H")
    assert output.write("\x1b[?1049l") == "\x1b[m\x1b]8;;\x1b\\\x1b[?1049l"


def test_repaint_closes_a_link_whose_end_was_dropped() -> None:
    output = started()
    output.write("\x1b[2;1H\x1b]8;;https://example\x1b\\text")
    output.write("\x1b]8;;\x1b\\\x1b[3;1Hplain")
    output.forget()
    assert "\x1b]8;;\x1b\\" in output.take()


def test_repaint_closes_an_open_link() -> None:
    output = started()
    output.write("\x1b]8;;https://example\x1b\\text")
    output.forget()
    assert output.write("\x1b]8;;\x1b\\").index("\x1b]8;;\x1b\\") < 20


def test_move_from_behind_the_last_column_is_absolute() -> None:
    """There terminals differ in what one column to the left is."""
    sent = started().write(f"\x1b[?25h\x1b[2;{COLUMNS}HX\x1b[2;{COLUMNS - 1}H")
    assert sent.endswith(f"X\x1b[2;{COLUMNS - 1}H\x1b[?25h")


@pytest.mark.parametrize(
    ("written", "seen"), [("\x1b[2;4Hx", "ro xb"), ("\x1b[2;2Hxx", "rxx b"), ("\x1b[2;1Hxxxx", "xxxxb")]
)
def test_overwritten_half_leaves_a_blank(written: str, seen: str) -> None:
    assert repainted_row("ro日b\x1b[K", written) == seen


def test_cursor_moves_by_distances_only() -> None:
    """A vt100 cannot move to the number of a column."""
    assert "G" not in started().write("\x1b[?25h\x1b[1;22H") + started().write("\x1b[1;22HX\x1b[1;3HY")


def test_missing_curses_leaves_the_name_of_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "curses", None)
    assert Capabilities.of({"TERM": "xterm-kitty"}) == ALL._replace(repeats=False)
    assert Capabilities.of({"TERM": "vt100"}) == Capabilities()


def test_common_terminal_needs_no_curses_and_gets_its_entry() -> None:
    code = (
        "import sys; from tui.terminal import cells as here; found = here.Capabilities.of({'TERM': sys.argv[1]})"
        "; assert 'curses' not in sys.modules; here.SAME_EVERYWHERE = ''"
        "; assert found == here.Capabilities.of({'TERM': sys.argv[1]}); assert 'curses' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code, SAME_EVERYWHERE], check=True)


def test_first_frame_fills_a_terminal_that_clears_to_the_default() -> None:
    terminal, output = Emulator(Screen(COLUMNS, LINES)), FrugalOutput(COLUMNS, LINES, ALL)
    output.passed(MODES)
    row = f"\x1b[48;2;9;8;7m{' ' * COLUMNS}\x1b[0m"
    frame = "".join(f"\x1b[{y + 1};1H{row}" for y in range(LINES))
    terminal.feed(output.write(frame).encode())
    assert {cell.bg for line in terminal.screen.snapshot() for cell in line} == {"090807"}


def test_half_drawn_frame_is_not_taken() -> None:
    output = started()
    output.draw("\x1b]2;title\x07\x1b[?2026h\x1b[2;1Hhalf")
    assert output.is_in_frame
    assert output.take() == "\x1b]2;title\x07"
    output.draw("\x1b[?2026l")
    assert "half" in output.take()


def test_foreign_sequence_stays_behind_its_frame() -> None:
    output = started()
    output.draw("\x1b[1;1Hfirst\x1b[H\x07")
    output.draw("\x1b[2;1Hsecond\x1b[H\x1b]52;c;YQ==\x07")
    assert output.take().endswith("\x07\x1b]52;c;YQ==\x07")
    assert output.take() == ""


def test_blanks_before_an_erased_end_stay_apart() -> None:
    """ECH leaves the cursor where it is; the end of the row is erased from its own column."""
    same_cells("\x1b[H\x1b[42m" + " " * 12 + "\x1b[0m" + " " * 12)


def test_joined_characters_take_the_columns_that_rich_counts() -> None:
    output = started()
    output.write("\x1b[2;1H👨\u200d👩\u200d👧❤\ufe0f🇩🇪!")
    output.forget()
    sent = output.write("")
    assert "👧\x1b[2;3H" in sent
    assert "❤\ufe0f\x1b[2;5H" in sent
    assert "\x1b[2;7H!" in sent


def test_mark_on_a_blank_changes_no_other_ink() -> None:
    """A blank is written with any ink; a mark, and text with its pen, are not."""
    same_cells("\x1b[3H\x1b[31;42m \x1b[1m\u0301\x1b[3H \x1b[H\x1b[0;31;42mr \x1b[0;42mx")


def test_soft_hyphen_with_a_mark_is_written_on_a_blank() -> None:
    output, terminal = FrugalOutput(COLUMNS, LINES, ALL), blank_terminal()
    terminal.feed(output.write(f"{MODES}\x1b[2;1Hrow").encode())
    terminal.feed(output.write("\x1b[2;2H\xad\u0301").encode())
    assert terminal.screen.rows_text()[1].startswith("r\u0301 w")


@pytest.mark.parametrize("character", ["✌", "㉈", "䷀", "😀", "\xad"])
def test_character_of_disputed_width_is_placed(character: str) -> None:
    sent = started().write(f"\x1b[2;1H{character}!")
    assert sent.endswith(f"\x1b[2;{1 + width_of(character)}H!")


def test_lost_cells_are_painted_again() -> None:
    output = started()
    output.lose_cells(3, 0, 4)
    assert "row " in (sent := output.take())
    assert "3" * 12 not in sent
    output.lose_cells(LINES, 0, 4)  # the terminal is smaller by now
    assert output.take() == ""
