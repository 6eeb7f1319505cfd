"""Opens the dialogs of the columns of a view."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Protocol

from tui.domain.ids import RunId
from tui.present.columns import TAGS_OR_ERROR, SizedColumn, columns_for
from tui.present.errors.groups.columns import SizedGroupColumn, group_columns_for
from tui.present.own_columns.choice import ColumnChoice
from tui.present.own_columns.group_columns import GROUP_MEANINGS, own_group_columns_for, usual_group_width
from tui.present.own_columns.of_settings import ERRORS, RUNS, built_in_ids
from tui.present.own_columns.run_columns import MEANINGS, TAGS_AND_ERROR, usual_width
from tui.ui.base import AppBase
from tui.ui.data.columns.chosen import ChosenColumns
from tui.ui.data.live_model import LiveModel
from tui.ui.model.columns.draft import Bases, ColumnDraft
from tui.ui.screens.columns.chooser import ColumnsScreen
from tui.ui.screens.columns.path import ColumnPathScreen


class ColumnedPane(Protocol):
    """A list whose columns the user arranges. `table` has `size`, and in `slots` the columns with their widths."""

    @property
    def app_base(self) -> AppBase:
        """The app with its own type."""

    @property
    def table(self) -> Any:
        """The table of the list."""

    def show_columns(self, choices: tuple[ColumnChoice, ...] | None) -> None:
        """Show these columns, or the usual ones."""


class ColumnedRunsPane(ColumnedPane, Protocol):
    """The list of runs."""

    live: LiveModel

    @property
    def target(self) -> RunId | None:
        """The run under the cursor."""

    def left_out_columns(self) -> tuple[str, ...]:
        """Return the columns for which there is no room."""


def open_group_columns(pane: ColumnedPane) -> None:
    """Let the user arrange the columns of the list of error groups."""
    columns, table = pane.app_base.part(ChosenColumns), pane.table
    usual = tuple(ColumnChoice(slot.column.id) for slot in group_columns_for(table.size.width))
    draft = ColumnDraft(
        Bases(built_in_ids(ERRORS), usual, columns.of_file(ERRORS)),
        columns.saved(ERRORS),
        lambda choice: _width_in(table.slots, choice) or usual_group_width(choice),
        has_paths=False,
    )

    def left_out() -> tuple[str, ...]:
        return own_group_columns_for(draft.shown or (), table.size.width)[1]

    pane.app_base.push_screen(
        ColumnsScreen(
            draft,
            meanings=GROUP_MEANINGS,
            preview=pane.show_columns,
            left_out=left_out,
            keep=partial(columns.choose, ERRORS),
        )
    )


def _width_in(slots: Sequence[SizedGroupColumn], choice: ColumnChoice) -> int:
    return next((slot.width for slot in slots if slot.column.id == choice.name), 0)


def open_run_columns(pane: ColumnedRunsPane) -> None:
    """Let the user arrange the columns of the list of runs."""
    columns = pane.app_base.part(ChosenColumns)
    usual = tuple(ColumnChoice(_name_of(slot)) for slot in columns_for(pane.table.size.width))
    bases = Bases(built_in_ids(RUNS), usual, columns.of_file(RUNS))

    def width_of(choice: ColumnChoice) -> int:
        widths = {_name_of(slot): slot.width for slot in pane.table.slots}
        return widths.get(choice.name) or usual_width(choice)

    def ask_path(add: Callable[[ColumnChoice | None], None]) -> None:
        run = None if pane.target is None else pane.live.get(pane.target)
        pane.app_base.push_screen(ColumnPathScreen(run), add)

    pane.app_base.push_screen(
        ColumnsScreen(
            ColumnDraft(bases, columns.saved(RUNS), width_of, has_paths=True),
            meanings=MEANINGS,
            preview=pane.show_columns,
            left_out=pane.left_out_columns,
            keep=partial(columns.choose, RUNS),
            ask_path=ask_path,
        )
    )


def _name_of(slot: SizedColumn) -> str:
    return TAGS_AND_ERROR.id if slot.column is TAGS_OR_ERROR else slot.column.id
