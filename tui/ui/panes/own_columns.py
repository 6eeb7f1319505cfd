"""The chosen columns of the list of runs: what they show, and the reads that they need."""

from collections.abc import Callable, Collection, Sequence

from tui.domain.ids import RunId
from tui.present.columns import SizedColumn
from tui.present.own_columns.choice import ColumnChoice
from tui.present.own_columns.run_columns import own_columns_for
from tui.session import Session
from tui.ui.data.columns.visible_values import VisibleValues
from tui.ui.widgets.run_table import RunTable


class OwnRunColumns:
    """Shows chosen columns in a table of runs.

    `visible` returns the runs on the screen, `call_later` calls on the app's own message loop, `say` adds a message.
    """

    def __init__(
        self,
        session: Session,
        table: RunTable,
        visible: Callable[[], Sequence[RunId]],
        call_later: Callable[..., object],
        say: Callable[[str], None],
    ) -> None:
        self._table = table
        self._call_later = call_later
        self._choices: tuple[ColumnChoice, ...] = ()
        self.values = VisibleValues(session, visible, self._on_values, say)

    def show(self, choices: tuple[ColumnChoice, ...] | None) -> None:
        """Show these columns; None: the program's own."""
        self._choices = choices or ()
        self._table.show_own(None if choices is None else self._columns_for)

    def left_out(self) -> tuple[str, ...]:
        """Return the chosen columns that do not fit into the table."""
        table = self._table
        columns = own_columns_for(self._choices, table.size.width, self.values.value, is_wide=table.is_wide)
        return columns.left_out

    def look(self) -> None:
        """Read the values that visible rows lack."""
        self.values.look()

    def _columns_for(self, width: int, is_wide: bool) -> Sequence[SizedColumn]:  # noqa: FBT001  as the table calls it
        columns = own_columns_for(self._choices, width, self.values.value, is_wide=is_wide).slots
        shown = {slot.column.id for slot in columns}
        self.values.show(choice.path for choice in self._choices if choice.path is not None and choice.name in shown)
        return columns

    def _on_values(self, run_ids: Collection[RunId]) -> None:
        # A task of the session calls this; widgets are changed on the app's own message loop.
        self._call_later(self._table.show_values, frozenset(run_ids))
