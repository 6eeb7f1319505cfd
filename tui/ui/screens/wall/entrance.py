"""Opens the wall over the view in front, lists the runs of one of its rows, and leads back to the row.

The wall itself is imported when it is first opened.
"""

from collections.abc import Hashable
from typing import TYPE_CHECKING, Final

from tui.domain.filters import RunFilters
from tui.lazy_dataclass import dataclass
from tui.present.actions.row_actions import GoToRun, ListRuns
from tui.store.addresses.addressed_views import WALL
from tui.store.addresses.view_address import ViewAddress
from tui.ui.data.findings.live_board import CELL_SIZES
from tui.ui.model.list_views import ListQuery
from tui.ui.screens.main import MainScreen
from tui.ui.screens.view_entrance import ViewEntrance

if TYPE_CHECKING:
    from datetime import timedelta

    from tui.present.wall.blocks import Opened
    from tui.ui.screens.wall.screen import WallScreen

_SPANS: Final = dict(zip(CELL_SIZES, ("", "5h", "20h"), strict=True))
"""The name that each size of a cell has in an address."""


@dataclass(frozen=True, slots=True)
class WallListing:
    """The list shows the runs of a row of the wall: the filter for it, what the list showed before, and the row."""

    text: str
    filters: RunFilters
    before: ListQuery
    key: Hashable
    cell: "timedelta"


class WallEntrance(ViewEntrance):
    """The way to the wall, from it to runs, and back."""

    name = WALL
    screen: "WallScreen | None"
    _main: MainScreen

    def __init__(self, main: MainScreen) -> None:
        super().__init__(main)
        self._listing: WallListing | None = None

    def open(self, cursor: Hashable = None, cell: "timedelta | None" = None) -> None:
        """Show the wall, with the cursor on a row and cells of a size if these are given."""
        from tui.ui.screens.wall import screen  # noqa: PLC0415  loaded when first used

        main = self._main
        if self.screen is not None:
            return
        self.screen = screen.WallScreen(main.live, main, self._open_row, cursor)
        if cell is not None:
            self.screen.live_board.show(cell)
        main.note_view()
        main.app.push_screen(self.screen, self._on_left)

    def show(self, address: ViewAddress) -> None:
        cell = next((cell for cell, name in _SPANS.items() if name == address.since), CELL_SIZES[0])
        if self.screen is None:
            self.open(cell=cell)
        else:
            self.screen.live_board.show(cell)

    def address(self) -> ViewAddress:
        assert self.screen is not None
        return ViewAddress(WALL, since=_SPANS[self.screen.live_board.cell])

    @property
    def facts(self) -> Hashable:
        return None if self.screen is None else self.screen.live_board.cell

    def back(self) -> bool:
        """Return to the row of the wall whose runs the list shows. Return whether it shows those of one."""
        listing = self._listing
        if listing is None or self._main.run_list.searched != listing.text:
            return False
        self._listing = None
        if self._main.run_list.views.query.filters != listing.filters:
            return False  # the user has chosen other filters of the server meanwhile
        self._main.show_filtered(listing.before)
        self.open(listing.key, listing.cell)
        return True

    def on_filtered(self) -> None:
        """Forget the row once the list shows other runs. While a filter is typed, Esc still leads back to its runs."""
        if self._main.prompt.is_open or self._listing is None:
            return
        if self._main.run_list.searched != self._listing.text:
            self._listing = None

    def _open_row(self, opened: "Opened", key: Hashable) -> None:
        assert self.screen is not None
        main = self._main
        run_id = opened.run_id if isinstance(opened, GoToRun) else None
        runs = ListRuns(f"id:{opened.run_id}") if isinstance(opened, GoToRun) else opened
        before, query = main.run_list.views.query, main.query_of(runs)
        if query is None:
            return
        listing = WallListing(query.text, query.filters, before, key, self.screen.live_board.cell)
        self.leave()
        main.leave_other_views()
        self._listing = None
        main.show_filtered(query, run_id)
        self._listing = listing
        main.show_list(run_id)
        if run_id is None:
            main.run_list.table.action_top()
