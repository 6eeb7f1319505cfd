"""The bases of the panes of a `LiveList`: the list itself, and the pages about the row under its cursor."""

from collections.abc import Callable, Hashable
from typing import Any, Protocol

from tui.domain.ids import RunId
from tui.store.changes import Changes
from tui.ui.data.live_model import LiveModel
from tui.ui.panes.base import PagePane, Pane
from tui.ui.widgets.row_table import RowTable


class ListedRows(Protocol):
    """The rows of a list, with a cursor."""

    def __len__(self) -> int: ...

    @property
    def cursor(self) -> Hashable:
        """The key of the row under the cursor; None without rows."""


class LiveList(Protocol):
    """Rows that stand for many runs each, kept up to date while their view is shown.

    `on_update` is called after a change.
    """

    on_update: Callable[[], None]

    @property
    def list(self) -> ListedRows:
        """The rows. Another object may take its place."""

    def on_changes(self, changes: Changes) -> None:
        """Follow changes of runs or of the session."""

    def on_cursor(self) -> None:
        """Follow the row under the cursor."""

    def tick(self) -> None:
        """Follow the time. Called every second while the view is shown."""


class ListPane(Pane):
    """The list. Its keys act on a row, not on a run. `table` shows the rows."""

    def __init__(self, live: LiveModel, live_list: LiveList, table: RowTable[Any], *, id: str) -> None:  # noqa: A002
        super().__init__(live, id=id)
        self._live_list = live_list
        self.table = table

    @property
    def body(self) -> RowTable[Any]:
        return self.table

    @property
    def target(self) -> RunId | None:
        return None

    def has_use_for(self, action: str) -> bool:
        if action in {"enter", "sort"}:
            return len(self._live_list.list) > 0
        return super().has_use_for(action)

    def word_for(self, action: str, usual: str) -> str:
        return "runs" if action == "enter" else super().word_for(action, usual)

    def hit_step(self, step: int) -> None:
        if self.searched:
            self.table.action_move(step)  # every row of a filtered list is a match

    def error_step(self, step: int) -> bool:  # noqa: ARG002  for subclasses
        return False

    def follow_list(self) -> None:
        if self.is_shown:
            self.table.tick()
            self.show_rule()

    def on_show(self) -> None:
        self.follow_list()

    def on_changes(self, changes: Changes) -> None:
        if changes.topics and self.is_shown:
            self.show_rule()

    def tick(self) -> None:
        self.follow_list()


class RowPagePane(PagePane):
    """A page about the row under the cursor. It starts at its top when another row is selected."""

    def __init__(self, live: LiveModel, live_list: LiveList, *, id: str) -> None:  # noqa: A002  Textual's name
        super().__init__(live, id=id)
        self._live_list = live_list

    @property
    def subject(self) -> Hashable:
        return self._live_list.list.cursor

    @property
    def is_ticking(self) -> bool:
        return self._live_list.list.cursor is not None

    def concerns(self, changes: Changes) -> bool:  # noqa: ARG002  the list reports its own changes
        return False

    def follow_list(self) -> None:
        self.rebuild()
