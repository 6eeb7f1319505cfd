"""The views that were shown before, and the way back through them."""

from collections import deque
from collections.abc import Hashable
from typing import TYPE_CHECKING, Final

from tui.domain.ids import RunId
from tui.lazy_dataclass import dataclass
from tui.ui.model.list_views import ListQuery

if TYPE_CHECKING:
    from tui.store.addresses.view_address import ViewAddress

MAX_VIEWS: Final = 50


@dataclass(frozen=True, slots=True)
class ShownView:
    """A view as it was left: `query` is that of the list, `address` that of another view.

    `facts` are equal if two views are the same. `cursor` is the run under the cursor of the list.
    """

    facts: Hashable
    query: ListQuery | None = None
    address: "ViewAddress | None" = None
    cursor: RunId | None = None


class ViewHistory:
    """The view that is shown, and at most `MAX_VIEWS` before it."""

    def __init__(self) -> None:
        self._before: deque[ShownView] = deque(maxlen=MAX_VIEWS)
        self.current: ShownView | None = None

    def __len__(self) -> int:
        return len(self._before)

    def record(self, view: ShownView, *, is_first: bool = False) -> None:
        """Record what is shown now. The same view with another cursor is no other view.

        `is_first`: the user has done nothing yet, so that there is no way back behind this view.
        """
        if not is_first and self.current is not None and self.current.facts != view.facts:
            self._before.append(self.current)
        self.current = view

    def back(self) -> ShownView | None:
        """Return to the view before; None if there is none."""
        if not self._before:
            return None
        self.current = self._before.pop()
        return self.current
