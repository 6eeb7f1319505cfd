"""The dialog in which columns are shown, hidden, moved and resized. The list behind it shows each change at once."""

from collections.abc import Callable, Collection, Mapping
from typing import ClassVar, Final

from textual.app import ComposeResult
from textual.binding import BindingType

from tui.present.dialogs import columns as say
from tui.present.own_columns.choice import ColumnChoice, ColumnSet
from tui.ui.input.keys import bind
from tui.ui.model.columns.draft import ColumnDraft
from tui.ui.screens.painted import PaintedDialog
from tui.ui.widgets.dialog import Dialog
from tui.ui.widgets.lines import Lines

LIST_SHARE: Final = 0.4
"""The part of the rows of the terminal that the list keeps above the dialog."""


class ColumnsScreen(PaintedDialog[None]):
    """Arranges the columns of a draft.

    * `preview`: shows columns in the list; None: the program's own
    * `left_out`: returns the shown columns that do not fit into the list
    * `keep`: saves the result
    * `ask_path`: asks for a column by path, and passes it on
    """

    CSS_PATH = "../../styles/columns.tcss"
    AUTO_FOCUS = ""
    BINDINGS: ClassVar[list[BindingType]] = [
        bind("escape", "leave", "back", "Close without changing the columns.", id="back"),
        bind("q", "leave", "back", "Close without changing the columns.", id="close"),
        bind("c", "leave", "back", "Close without changing the columns.", id="columns"),
        bind("enter", "keep", "keep", "Keep the columns, also for the next start.", id="keep-columns"),
        bind("j,down", "move(1)", "down", "The next column.", id="down"),
        bind("k,up", "move(-1)", "up", "The previous column.", id="up"),
        bind("space", "toggle_column", "show, hide", "Show or hide the column."),
        bind("J,shift+down", "move_column(1)", "move down", "Move the column behind the next one.", id="column-down"),
        bind("K,shift+up", "move_column(-1)", "move up", "Move the column before the previous one.", id="column-up"),
        bind("greater_than_sign,right,l", "resize(1)", "wider", "Make the column wider.", id="wider"),
        bind("less_than_sign,left,h", "resize(-1)", "narrower", "Make the column narrower.", id="narrower"),
        bind("0", "clear_width", "usual width", "Give the column its usual width again."),
        bind("a", "add_column", "add by path", "Add a column out of metadata, payload or output."),
        bind("t", "next_type", "type", "Show the values of a column by path as the next type.", id="column-type"),
        bind("d", "remove_column", "remove", "Remove a column by path."),
        bind(
            "r",
            "reset",
            "reset",
            "Go back to the columns of the config file, then to the program's own.",
            id="reset-columns",
        ),
    ]

    def __init__(
        self,
        draft: ColumnDraft,
        *,
        meanings: Mapping[str, str],
        preview: Callable[[tuple[ColumnChoice, ...] | None], None],
        left_out: Callable[[], Collection[str]],
        keep: Callable[[ColumnSet | None], None],
        ask_path: Callable[[Callable[[ColumnChoice | None], None]], None] = lambda _: None,
    ) -> None:
        super().__init__()
        self.draft = draft
        self._meanings = meanings
        self._preview = preview
        self._left_out = left_out
        self._keep = keep
        self._ask_path = ask_path
        self._before = draft.shown
        self._dialog = Dialog()
        self._top = 0
        self._note = ""

    def compose(self) -> ComposeResult:
        yield self._dialog
        yield Lines(classes="no-keys")

    def on_mount(self) -> None:
        self._draw()

    def on_resize(self) -> None:
        self.call_after_refresh(self._draw)  # the list has its new width then

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002  Textual's
        return self.draft.has_paths or action not in {"add_column", "next_type", "remove_column"}

    def action_move(self, step: int) -> None:
        self._do(self.draft.move_cursor(step))

    def action_toggle_column(self) -> None:
        self._change(self.draft.toggle())

    def action_move_column(self, step: int) -> None:
        self._change(self.draft.move_column(step))

    def action_resize(self, step: int) -> None:
        self._change(self.draft.resize(step))

    def action_clear_width(self) -> None:
        self._change(self.draft.clear_width())

    def action_next_type(self) -> None:
        self._change(self.draft.next_type())

    def action_remove_column(self) -> None:
        self._change(self.draft.remove())

    def action_reset(self) -> None:
        self._change(self.draft.reset())

    def action_add_column(self) -> None:
        self._ask_path(self._add)

    def _add(self, choice: ColumnChoice | None) -> None:
        if choice is not None:
            self._change(self.draft.add(choice))

    def action_keep(self) -> None:
        self.dismiss()
        if self.draft.is_changed:
            self._keep(self.draft.result)

    def action_leave(self) -> None:
        self.dismiss()
        self._preview(self._before)

    def _change(self, note: str) -> None:
        if not note:
            self._preview(self.draft.shown)
        self._do(note)

    def _do(self, note: str) -> None:
        self._note = note
        self._draw()

    def _draw(self) -> None:
        draft = self.draft
        width, height = self._dialog.room(say.WIDTH)
        foot = say.foot_lines(width, has_paths=draft.has_paths)
        rows = min(len(draft.columns), max(say.MIN_ROWS, int(height * (1 - LIST_SHARE)) - say.HEAD_LINES - len(foot)))
        self._top = say.window_of(draft.cursor, self._top, len(draft.columns), rows)
        left_out = self._left_out()
        place = f"{draft.cursor + 1} of {len(draft.columns)}" if rows < len(draft.columns) else ""
        head = say.head_lines(draft.base_words, self._note or self._fit_note(left_out), place, width)
        lines = [
            say.column_line(
                column.choice,
                width,
                is_shown=column.is_shown,
                is_current=index == draft.cursor,
                left_out=left_out,
                meanings=self._meanings,
            )
            for index, column in enumerate(draft.columns)
        ]
        shown = lines[self._top : self._top + rows]
        self._dialog.show([*head, *shown, *foot], width)

    def _fit_note(self, left_out: Collection[str]) -> str:
        count = sum(each.is_shown and each.choice.name in left_out for each in self.draft.columns)
        return f"{count} do not fit here" if count > 1 else "1 does not fit here" if count else ""
