"""Rows of the list of runs, as its table makes them."""

from tui.domain.run import Run
from tui.features.runs.columns import RUN_TABLE, table_of
from tui.text.table import SizedColumn


def columns_for(width: int, *, is_wide: bool = False, only_failures: bool = False) -> list[SizedColumn[Run]]:
    """Return the columns that a pane of this width shows, with their widths, in order."""
    return table_of(is_wide=is_wide, only_failures=only_failures).slots(width)


head = RUN_TABLE.head
row = RUN_TABLE.row
