"""The lines of the list: the runs of a view, the gaps between them, and the line at the end.

A gap is a period without data. Its line is above the first run that was created at or before its end.
"""

from collections.abc import Sequence
from enum import Enum
from typing import Final

from tui.domain.ids import RunId
from tui.lazy_dataclass import dataclass
from tui.store.missed_runs import Gap
from tui.store.orders import CREATED, SortKey, key_before
from tui.store.view import View


class ListEnd(Enum):
    """The line below the last run. It says which runs the list does not show."""

    END = "end"


END: Final = ListEnd.END

Item = RunId | Gap | ListEnd


@dataclass(frozen=True, slots=True)
class DepartedRun:
    """The run under the cursor after it left the view, with the sort key that it had there."""

    run_id: RunId
    key: SortKey


@dataclass(frozen=True, slots=True)
class ListLines:
    """Maps runs, gaps and the end to line numbers. `gaps` are in order of time; `has_end`: the list has an end line."""

    view: View
    departed: DepartedRun | None = None
    gaps: Sequence[Gap] = ()
    has_end: bool = False

    @property
    def shown_gaps(self) -> Sequence[Gap]:
        """The gaps that have a line: only in order of creation, within the period, and if there are runs."""
        view = self.view
        if view.order is not CREATED or not (len(view) or self.departed):
            return ()
        return tuple(gap for gap in self.gaps if view.since is None or gap.until >= view.since)

    def __len__(self) -> int:
        return len(self.view) + len(self._others) + self.has_end

    def line_of(self, key: SortKey) -> int:
        """Return the line of the run with that key."""
        return self.view.index_for(key) + sum(other < key for other, _ in self._others)

    def slice(self, top: int, stop: int) -> list[Item]:
        """Return the items of the lines from `top` up to `stop`, exclusive."""
        lines = {self.view.index_for(key) + above: item for above, (key, item) in enumerate(self._others)}
        above = sum(line < top for line in lines)
        items: list[Item] = list(self.view.slice(top - above, stop - above))
        for line, item in lines.items():
            if top <= line < stop:
                items.insert(line - top, item)
        if self.has_end and top < len(self) <= stop:
            items.append(END)
        return items[: max(0, stop - top)]

    @property
    def _others(self) -> list[tuple[SortKey, Item]]:
        """The items that are not in the view, sorted by their keys."""
        # A key without an id sorts before the runs that were created at the same moment.
        others: list[tuple[SortKey, Item]] = [(key_before(gap.until), gap) for gap in self.shown_gaps]
        if self.departed is not None:
            others.append((self.departed.key, self.departed.run_id))
        return sorted(others, key=lambda other: other[0])
