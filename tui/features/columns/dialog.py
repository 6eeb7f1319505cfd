"""The dialog in which columns are shown, hidden, moved and resized, and the one for a column by its path."""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import ClassVar, Final, NamedTuple

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal
from textual.widgets import Input

from tui.domain.run import ABSENT, Json, Run
from tui.features.columns import words
from tui.features.columns.data import ChosenColumns
from tui.features.detail.words import value_of
from tui.features.runs.columns import short_id
from tui.features.runs.words import keys_line
from tui.kit.colors import Background
from tui.kit.commands import visible_top
from tui.kit.keys import bind
from tui.kit.lines import Lines, TextInput
from tui.kit.list_panes import TablePane
from tui.kit.painted import FORM_CSS, FormDialog, LineDialog
from tui.lazy_dataclass import dataclass
from tui.settings.schema import ColumnEntry
from tui.text.blocks import key_of
from tui.text.styled import Line, Piece, Token, cut, fit, joined, line_width, wrap

# The dialog of the columns of a list, and the one for a column by its path.


WIDTH: Final = 76
HEAD_LINES: Final = 3
MIN_ROWS: Final = 3

_NAME: Final = 26
_SIZE: Final = 9
_INDENT: Final = "   "

_KEYS: Final = (
    ("show, hide", ("toggle-column", "space")),
    ("move", ("column-down", "J"), ("column-up", "K")),
    ("width", ("narrower", "<"), ("wider", ">")),
    ("usual width", ("clear-width", "0")),
    ("reset", ("reset-columns", "r")),
)
"""The words of the foot, and the bindings that they describe, with their usual keys."""

_PATH_KEYS: Final = (
    ("add by path", ("add-column", "a")),
    ("type", ("column-type", "t")),
    ("remove", ("remove-column", "d")),
)
_END_KEYS: Final = (("Enter", "keep"), ("Esc", "back"))


def foot_lines(width: int, *, has_paths: bool) -> list[Line]:
    """Return the keys in as many lines as they need. Enter and Esc have the last one."""
    rows: list[list[tuple[str, str]]] = [[]]
    for sentence, *bindings in (*_KEYS, *(_PATH_KEYS if has_paths else ())):
        # The user may have removed the keys in the config file.
        if keys := " ".join(filter(None, (key_of(*binding) for binding in bindings))):
            if rows[-1] and line_width(keys_line(*rows[-1], (keys, sentence))) > width:
                rows.append([])
            rows[-1].append((keys, sentence))
    return [(), *(keys_line(*keys) for keys in (*rows, _END_KEYS) if keys), ()]


# The dialog that asks for a column by its path: what is typed, and what the selected run has there.


MAX_KEYS: Final = 40
"""At most this many keys of an object are named."""

MAX_KEY_CHARS: Final = 40
MAX_SEARCHED: Final = 2_000
"""At most this many keys of an object are searched for those that begin with the typed text."""


class TypedColumn(NamedTuple):
    """The typed text: its column, or why it is not a column. `path` is its valid start."""

    choice: ColumnEntry | None
    problem: str
    path: words.ColumnPath | None


def read_typed(text: str) -> TypedColumn:
    """Read `PATH [TYPE [FORMAT]]`."""
    text = text.strip()
    path, end = words.leading_path(text)
    rest = text[end:]
    if path is None:
        return TypedColumn(
            None, f"a path begins with {', '.join(words.ROOTS[:-1])} or {words.ROOTS[-1]}" if text else "", None
        )
    if rest and not rest[0].isspace():
        return TypedColumn(None, 'a key with a dot is quoted: payload."order.id"' if rest != "." else "", path)
    kind, _, form = rest.strip().partition(" ")
    # `problem_of` says whether there is such a type.
    choice = ColumnEntry(str(path), type=kind or words.AUTO, format=form.strip())  # type: ignore[arg-type]
    problem = words.problem_of(choice, (), has_paths=True)
    return TypedColumn(None if problem else choice, problem or "", path)


def path_lines(typed: TypedColumn, run: Run | None, width: int) -> list[Line]:
    """Return a problem or what the selected run has there, then the types, and the keys in the last line."""
    problem: Line = (Piece(typed.problem, Token.AMBER),)
    about = (Piece(_INDENT), *(problem if typed.problem else _found_line(typed.path, run)))
    kinds = wrap(f"types: {' '.join(words.KINDS)}", width - 2 * len(_INDENT))
    types = [(Piece(f"{_INDENT}{row}", Token.FAINT),) for row in kinds]
    return [cut(about, width), *types, keys_line(("Enter", "add"), ("Esc", "back"))]


def _found_line(path: words.ColumnPath | None, run: Run | None) -> Line:
    if path is None:
        return (Piece("a path in metadata, payload or output; then a type and a format", Token.MUTED),)
    if run is None:
        return (Piece("no run is selected to show its value", Token.MUTED),)
    of_run: Line = (*short_id(run.id, Token.MUTED), Piece(": ", Token.MUTED))
    root, url = value_of(run, path.root)
    if root is ABSENT:
        is_read = (run.metadata if path.root == "metadata" else run.body) is not None and url is None
        return (*of_run, Piece(f"its {path.root} is {'empty' if is_read else 'not read'}", Token.MUTED))
    value = path.find(root)
    if isinstance(value, dict) and value:
        return (*of_run, Piece("keys  ", Token.FAINT), Piece(_named_path(value), Token.TEXT))
    if value is ABSENT:
        above = _nearest(path, root)
        return (*of_run, Piece("no value there; it has the keys  ", Token.MUTED), Piece(_named_path(above), Token.TEXT))
    shown = words.cell_value(value)
    return (*of_run, Piece("" if isinstance(shown, words.Unshown) else words.plain_text(shown), Token.TEXT))


def _nearest(path: words.ColumnPath, root: Json) -> Sequence[str]:
    """Return the keys of the deepest object on a path."""
    for length in range(len(path.steps) - 1, -1, -1):
        value = words.ColumnPath(path.root, path.steps[:length]).find(root)
        if isinstance(value, dict):
            begun = str(path.steps[length])
            near = [key for key in islice(value, MAX_SEARCHED) if key.startswith(begun)]
            return near or list(islice(value, MAX_KEYS))
    return ()


def _named_path(keys: Iterable[str]) -> str:
    return ", ".join(words.key_text(key[:MAX_KEY_CHARS]) for key in islice(keys, MAX_KEYS))


# The columns of a view as they are arranged in the dialog: each can be shown, moved and resized.


MIN_COLUMN_CELLS: Final = 3
LAST_SHOWN: Final = "the last column cannot be hidden"


@dataclass(frozen=True, slots=True)
class Bases:
    """The columns that a view can be reset to.

    * `built_in`: the ids of all its own columns
    * `usual`: the program's own choice of them
    * `of_file`: the columns of the config file; None: it has none
    """

    built_in: tuple[str, ...]
    usual: tuple[ColumnEntry, ...]
    of_file: words.ColumnSet | None = None


class ColumnDraft:
    """The arrangement, with a cursor on one column. Each method returns a remark, which is empty if it succeeded.

    `width_of` returns the present width of a column that has no chosen one. `has_paths`: the view shows values of runs.
    """

    def __init__(
        self, bases: Bases, saved: words.ColumnSet | None, width_of: Callable[[ColumnEntry], int], *, has_paths: bool
    ) -> None:
        self._bases = bases
        self._width_of = width_of
        self.has_paths = has_paths
        self.cursor = 0
        self.columns: list[ColumnEntry] = []
        self.hidden: frozenset[str] = frozenset()
        """The names of the columns that are not shown."""
        self._base: tuple[list[ColumnEntry], frozenset[str]] | None = None
        """The columns right after a reset; None: they were chosen earlier."""

        if saved is not None and saved.shown:
            self._is_of_file = False
            self._show(saved)
        else:
            self._start_from(is_of_file=saved is None and bases.of_file is not None)

    @property
    def current(self) -> ColumnEntry:
        """The column under the cursor."""
        return self.columns[self.cursor]

    @property
    def is_own(self) -> bool:
        """Whether these are columns that the user chose."""
        return (self.columns, self.hidden) != self._base

    @property
    def shown(self) -> tuple[ColumnEntry, ...] | None:
        """The columns to show now; None: the program's own, which depend on the width of the list."""
        return self._visible if self.is_own or self._is_of_file else None

    @property
    def _visible(self) -> tuple[ColumnEntry, ...]:
        return tuple(each for each in self.columns if each.column not in self.hidden)

    @property
    def result(self) -> words.ColumnSet | None:
        """The columns to save. None: those of the config file or, without any, the program's own."""
        if not self.is_own:
            return None if self._is_of_file or self._bases.of_file is None else words.ColumnSet(())
        hidden = (each for each in self.columns if each.column in self.hidden and words.path_of(each) is not None)
        return words.ColumnSet(self._visible, tuple(hidden))

    @property
    def base_words(self) -> str:
        """Where the columns come from, for a title."""
        if self.is_own:
            return "changed by you"
        return "from the config file" if self._is_of_file else "default"

    def move_cursor(self, step: int) -> str:
        """Move to the next (1) or previous (-1) column."""
        self.cursor = max(0, min(self.cursor + step, len(self.columns) - 1))
        return ""

    def toggle(self) -> str:
        """Show or hide the column under the cursor."""
        if self._is_last_shown:
            return LAST_SHOWN
        self.hidden ^= {self.current.column}
        return ""

    @property
    def _is_last_shown(self) -> bool:
        return self.current.column not in self.hidden and len(self.columns) - len(self.hidden) == 1

    def move_column(self, step: int) -> str:
        """Move the column under the cursor up or down. The cursor stays on it."""
        place = self.cursor + step
        if 0 <= place < len(self.columns):
            self.columns.insert(place, self.columns.pop(self.cursor))
            self.cursor = place
        return ""

    def resize(self, step: int) -> str:
        """Make the column under the cursor wider or narrower; 0: give it its usual width."""
        if not step:
            return self._change(width=0)
        width = (self.current.width or self._width_of(self.current)) + step
        return self._change(width=max(MIN_COLUMN_CELLS, min(width, words.MAX_COLUMN_CELLS)))

    def next_type(self) -> str:
        """Show the values of the column under the cursor as the next type."""
        if words.path_of(self.current) is None:
            return "only columns by path have a type"
        kinds = list(words.KINDS)
        kind = kinds[(kinds.index(self.current.type) + 1) % len(kinds)]
        return self._change(type=kind, format="", width=0)

    def add(self, choice: ColumnEntry) -> str:
        """Add a column after that under the cursor, or go to it if it is there."""
        names = [each.column for each in self.columns]
        if choice.column in names:
            self.cursor = names.index(choice.column)
            self.columns[self.cursor] = replace(choice, width=self.current.width)
        elif len(self.columns) >= words.MAX_COLUMNS:
            return f"there are {words.MAX_COLUMNS} columns; remove one first"
        else:
            self.cursor += 1
            self.columns.insert(self.cursor, choice)
        self.hidden -= {choice.column}
        return ""

    def remove(self) -> str:
        """Remove the column under the cursor, if it is one by path."""
        if words.path_of(self.current) is None or self.current.column in self._bases.built_in:
            return "a built-in column can only be hidden"
        if self._is_last_shown:
            return LAST_SHOWN
        self.hidden -= {self.columns.pop(self.cursor).column}
        return self.move_cursor(0)

    def reset(self) -> str:
        """Return to the columns of the config file, and from those to the program's own."""
        self._start_from(is_of_file=self._bases.of_file is not None and (self.is_own or not self._is_of_file))
        return self.move_cursor(0)

    def _start_from(self, *, is_of_file: bool) -> None:
        self._is_of_file = is_of_file
        self._show(self._bases.of_file if is_of_file else None)
        self._base = list(self.columns), self.hidden

    def _show(self, columns: words.ColumnSet | None) -> None:
        """Show these columns, or the program's own, with all others hidden below them."""
        shown = self._bases.usual if columns is None else columns.shown
        hidden = () if columns is None else columns.hidden
        kept = [each for each in self.columns if words.path_of(each) is not None and self.has_paths]
        names = {choice.column for choice in shown}
        rest: dict[str, ColumnEntry] = {}
        for choice in (*map(ColumnEntry, self._bases.built_in), *hidden, *kept):
            if choice.column not in names:
                rest.setdefault(choice.column, choice)
        self.columns, self.hidden = [*shown, *rest.values()], frozenset(rest)

    def _change(self, **values: str | int) -> str:
        # mypy cannot know the types of fields that are given by name.
        self.columns[self.cursor] = replace(self.current, **values)  # type: ignore[arg-type]
        return ""


# The dialog of a view: the list below it shows each change at once.


LIST_SHARE: Final = 0.4
"""The part of the rows of the terminal that the list keeps above the dialog."""


def choose_columns(pane: TablePane) -> None:
    """Let the user choose the columns of a list."""
    pane.app.push_screen(ColumnsScreen(pane.app_base.part(ChosenColumns), pane))


class ColumnsScreen(LineDialog[None]):
    """Arranges the columns of a list, which shows each change at once."""

    CSS_PATH = "columns.tcss"
    cells = WIDTH
    BINDINGS: ClassVar[list[BindingType]] = [
        bind("escape", "leave", "back", "Close without changing the columns.", id="back"),
        bind("q", "leave", "back", "Close without changing the columns.", id="close"),
        bind("c", "leave", "back", "Close without changing the columns.", id="columns"),
        bind("enter", "keep", "save", "Save the columns, also for the next start.", id="keep-columns"),
        bind("j,down", "move(1)", "down", "The next column.", id="down"),
        bind("k,up", "move(-1)", "up", "The previous column.", id="up"),
        bind("space", "draft('toggle')", "show, hide", "Show or hide the column.", id="toggle-column"),
        bind("J,shift+down", "draft('move_column', 1)", "move down", "Move the column after the next one.",
             id="column-down"),
        bind("K,shift+up", "draft('move_column', -1)", "move up", "Move the column before the previous one.",
             id="column-up"),
        bind("greater_than_sign,right,l", "draft('resize', 1)", "wider", "Make the column wider.", id="wider"),
        bind("less_than_sign,left,h", "draft('resize', -1)", "narrower", "Make the column narrower.", id="narrower"),
        bind("0", "draft('resize', 0)", "usual width", "Give the column its usual width again.", id="clear-width"),
        bind("a", "add_column", "add by path", "Add a column from metadata, payload or output."),
        bind("t", "draft('next_type')", "type", "Change the type of a column by path to the next one.",
             id="column-type"),
        bind("d", "draft('remove')", "remove", "Remove a column by path.", id="remove-column"),
        bind("r", "draft('reset')", "reset", "Reset to the columns of the config file; a second time to the default.",
             id="reset-columns"),
    ]  # fmt: skip

    def __init__(self, columns: ChosenColumns, pane: TablePane) -> None:
        super().__init__()
        self._columns = columns
        self._pane = pane
        self._view, declared = pane.title, pane.table.table
        self._meanings = {column.id: column.meaning for column in declared.columns}
        usual = tuple(ColumnEntry(slot.column.id) for slot in declared.slots(pane.table.size.width))
        bases = Bases(tuple(self._meanings), usual, columns.of_file.get(self._view))
        self.draft = ColumnDraft(
            bases, columns.saved.get(self._view), self._width_of, has_paths=self._view == words.RUNS
        )
        self._before = self.draft.shown
        self._top = 0
        self._note = ""

    def compose(self) -> ComposeResult:
        yield self.box
        yield Lines(classes="no-keys")

    def on_resize(self) -> None:
        self.call_after_refresh(self.draw)  # the list has its new width then

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        is_about_paths = action == "add_column" or (action == "draft" and parameters[0] in {"next_type", "remove"})
        return self.draft.has_paths or not is_about_paths

    def action_move(self, step: int) -> None:
        self._note = self.draft.move_cursor(step)
        self.draw()

    def action_draft(self, change: str, *arguments: int) -> None:
        """Change the draft by one of its methods."""
        self._change(getattr(self.draft, change)(*arguments))

    def _width_of(self, choice: ColumnEntry) -> int:
        table = self._pane.table
        widths = {slot.column.id: slot.width for slot in table.slots}
        column = words.column_of(table.table, choice)
        return widths.get(choice.column) or table.table.wish_of(column, table.size.width).least

    def action_add_column(self) -> None:
        run_id = self._pane.target
        run = None if run_id is None else self._pane.live.get(run_id)
        self.app.push_screen(ColumnPathScreen(run), self._add)

    def _add(self, choice: ColumnEntry | None) -> None:
        if choice is not None:
            self._change(self.draft.add(choice))

    def action_keep(self) -> None:
        self.dismiss()
        self._columns.choose(self._view, self.draft.result)

    def action_leave(self) -> None:
        self.dismiss()
        self._pane.show_choices(self._before)

    def _change(self, note: str) -> None:
        if not note:
            self._pane.show_choices(self.draft.shown)
        self._note = note
        self.draw()

    def lines(self, width: int, height: int) -> Sequence[Line]:
        draft, columns = self.draft, self.draft.columns
        foot = foot_lines(width, has_paths=draft.has_paths)
        rows = min(len(columns), max(MIN_ROWS, int(height * (1 - LIST_SHARE)) - HEAD_LINES - len(foot)))
        self._top = visible_top(draft.cursor, self._top, len(columns), rows)
        fitting = {slot.column.id for slot in self._pane.table.slots}
        left_out = {choice.column for choice in draft.shown or ()} - fitting
        place = f"{draft.cursor + 1} of {len(columns)}" if rows < len(columns) else ""
        count = len(left_out)
        fit_note = f"{count} columns do not fit" if count > 1 else "1 column does not fit" if count else ""
        notes = Piece(self._note or fit_note, Token.AMBER), Piece(place, Token.FAINT)
        remark = (*joined([(piece,) for piece in notes if piece.text], _INDENT), Piece(_INDENT))
        base = Piece(f"  {draft.base_words}", Token.MUTED)
        title = fit((Piece(f"{_INDENT}Columns", Token.BRIGHT, is_bold=True), base), width - line_width(remark))
        shown = range(self._top, self._top + rows)
        return [(), (*title, *remark), (), *(self._line_of(index, left_out, width) for index in shown), *foot]

    def _line_of(self, index: int, left_out: Collection[str], width: int) -> Line:
        """Return a column in `width` cells: a mark if it is shown, its name, its width, and what it is."""
        choice, is_current = self.draft.columns[index], index == self.draft.cursor
        is_shown = choice.column not in self.draft.hidden
        token = (Token.BRIGHT if is_current else Token.TEXT) if is_shown else Token.MUTED
        if is_shown and choice.column in left_out:
            rest = Piece("does not fit", Token.AMBER)
        else:
            kind = f"as {choice.type} {choice.format}".rstrip() if choice.type != words.AUTO else "unchanged"
            meaning = self._meanings.get(choice.column, "") if words.path_of(choice) is None else kind
            rest = Piece(meaning, Token.MUTED if is_shown else Token.FAINT)
        return (
            Piece(" ▌" if is_current else "  ", Token.ACCENT),
            Piece("• " if is_shown else "  ", Token.ACCENT),
            *fit((Piece(choice.column, token, is_bold=is_current),), _NAME),
            *fit((Piece(f"{choice.width} cells" if choice.width else ""),), _SIZE, "right"),
            Piece("  "),
            *fit((rest,), max(0, width - len(_INDENT) - 1 - _NAME - _SIZE - 4)),
        )


class ColumnPathScreen(FormDialog[ColumnEntry | None]):
    """Returns a column, or None. `run` is the selected run, whose value at the path is shown."""

    CSS_PATH: ClassVar[list[str | Path]] = [FORM_CSS, "columns.tcss"]  # type: ignore[assignment]
    BINDINGS: ClassVar[list[BindingType]] = [
        bind("escape", "leave", "back", "Go back without a column.", id="back"),
        bind("enter", "add", "add", "Add the column.", id="add-typed"),
    ]

    def __init__(self, run: Run | None) -> None:
        super().__init__(Background.DIALOG)
        self.add_class("at-bottom")
        self._run = run
        self._input = TextInput(placeholder="metadata.progress bar")
        self._mark = Lines(Background.DIALOG, classes="mark")

    def parts(self) -> ComposeResult:
        with Horizontal():
            yield self._mark
            yield self._input
        yield self.remarks

    def on_mount(self) -> None:
        self._mark.show([(Piece(" ▌ ", Token.ACCENT),)])
        self.watch(self._input, "value", self.show)
        self._input.focus()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.action_add()

    def action_add(self) -> None:
        typed = read_typed(self._input.value)
        if typed.choice is not None:
            self.dismiss(typed.choice)

    def draw(self, width: int) -> None:
        edge = (Piece("─" * width, Token.LINE),) if self.needs_rules else ()
        self.title_lines.show([edge, (Piece("   A column by its path", Token.BRIGHT, is_bold=True),), ()])
        self.show_remarks([(), *path_lines(read_typed(self._input.value), self._run, width)])
