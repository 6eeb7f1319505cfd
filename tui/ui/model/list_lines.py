"""The lines of the list: the runs of a view, the gaps between them, and the line at the end.

Which of these stands on which line is arithmetic on the view. A gap stands above the first run that was created at or
before its end. Where the cursor is, and what part is seen, is `run_rows`'. Source: DESIGN §5, §8.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final

from tui.domain.ids import RunId
from tui.store.missed_runs import Gap
from tui.store.orders import CREATED, EPOCH, SortKey
from tui.store.view import View


class ListEnd(Enum):
    """The line below the last run, which says what the list does not show."""

    END = "end"


END: Final = ListEnd.END

Item = RunId | Gap | ListEnd


@dataclass(frozen=True, slots=True)
class Left:
    """The run under the cursor, which the view does not show any more, and the key that it had."""

    run_id: RunId
    key: SortKey


@dataclass(frozen=True, slots=True)
class ListLines:
    """A view, the run that left it but is still under the cursor, and the gaps that are told, the oldest first.

    `has_end`: a line stands below the last run.
    """

    view: View
    left: Left | None = None
    gaps: Sequence[Gap] = ()
    has_end: bool = False

    @property
    def shown_gaps(self) -> Sequence[Gap]:
        """Those that have a place: by creation alone, within the period, and where there is a run."""
        view = self.view
        if view.order is not CREATED or not (len(view) or self.left):
            return ()
        return tuple(gap for gap in self.gaps if view.since is None or gap.until >= view.since)

    def __len__(self) -> int:
        return len(self.view) + len(self._others) + self.has_end

    def line_of(self, key: SortKey) -> int:
        """The line of the run with that key."""
        return self.view.place(key) + sum(other < key for other, _ in self._others)

    def slice(self, top: int, stop: int) -> list[Item]:
        """What stands on the lines from one up to another, without the latter."""
        lines = {self.view.place(key) + above: item for above, (key, item) in enumerate(self._others)}
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
        """What is no run of the view, as it is sorted among them."""
        # A key without an id comes before all those of runs that were created at that moment.
        others: list[tuple[SortKey, Item]] = [((EPOCH - gap.until,), gap) for gap in self.shown_gaps]
        if self.left is not None:
            others.append((self.left.key, self.left.run_id))
        return sorted(others, key=lambda other: other[0])
