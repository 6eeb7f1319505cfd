"""Opens the dialogs of the columns of a view."""

from collections.abc import Callable
from functools import partial

from tui.present.columns import TAGS_OR_ERROR, SizedColumn, columns_for
from tui.present.own_columns.choice import ColumnChoice
from tui.present.own_columns.of_settings import BUILT_IN_IDS, RUNS
from tui.present.own_columns.run_columns import MEANINGS, TAGS_AND_ERROR, usual_width
from tui.ui.model.columns.draft import Bases, ColumnDraft
from tui.ui.panes.run_list import RunListPane
from tui.ui.screens.columns.chooser import ColumnsScreen
from tui.ui.screens.columns.path import ColumnPathScreen


def open_run_columns(pane: RunListPane) -> None:
    """Let the user arrange the columns of the list of runs."""
    columns = pane.app_base.columns
    usual = tuple(ColumnChoice(_name_of(slot)) for slot in columns_for(pane.table.size.width))
    bases = Bases(BUILT_IN_IDS[RUNS], usual, columns.of_file(RUNS))

    def width_of(choice: ColumnChoice) -> int:
        widths = {_name_of(slot): slot.width for slot in pane.table.slots}
        return widths.get(choice.name) or usual_width(choice)

    def ask_path(add: Callable[[ColumnChoice | None], None]) -> None:
        run = None if pane.target is None else pane.live.get(pane.target)
        pane.app.push_screen(ColumnPathScreen(run), add)

    pane.app.push_screen(
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
