"""Which spans of a waterfall have rows, and which row stands below which.

A log line is a mark inside a bar. Without the engine's spans, two more spans have no row: the call of a task's function
fills its attempt, and a call that waits for one run lasts as long as this run. What is below them moves up.
"""

from collections.abc import Iterator

from tui.domain.traces.waterfall import ROOT, SLICE_SPANS, SpanKind, Waterfall
from tui.lazy_dataclass import dataclass


@dataclass(slots=True, eq=False)
class RowTree:
    """The spans that have rows, by their index in the waterfall.

    * `order`: all of them, parents first
    * `below`: the spans whose rows stand below a span's
    * `above`: the span whose row stands above; -1 for the root
    * `logs`: the log lines that are marks in the bar of a span
    * `calls`: for the root span of a run, the call without a row that waits for it
    """

    with_engine: bool
    order: list[int]
    below: dict[int, list[int]]
    above: dict[int, int]
    logs: dict[int, list[int]]
    calls: dict[int, int]

    def ancestors(self, index: int) -> Iterator[int]:
        """Yield the spans whose rows are above that of a span, the nearest first."""
        while (index := self.above[index]) >= 0:
            yield index


class RowTreeBuilder:
    """Builds a row tree in slices. Never recursive."""

    def __init__(self, waterfall: Waterfall, *, with_engine: bool) -> None:
        self._waterfall = waterfall
        self._tree = RowTree(with_engine, [], {}, {ROOT: -1}, {}, {})

    def slices(self) -> Iterator[None]:
        """Build everything, and yield after each slice."""
        tree = self._tree
        pending = [ROOT]
        while pending:
            index = pending.pop()
            tree.order.append(index)
            tree.logs[index] = list(self._waterfall.logs.get(index, ()))
            # The server's order is not that of time. Spans that start together keep it.
            below = tree.below[index] = sorted(self._rows_below(index), key=self._waterfall.starts.__getitem__)
            for each in below:
                tree.above[each] = index
            pending.extend(reversed(below))
            if len(tree.order) % SLICE_SPANS == 0:
                yield

    def tree(self) -> RowTree:
        """Return the tree, once `slices` is exhausted."""
        return self._tree

    def _rows_below(self, index: int) -> list[int]:
        waterfall, tree = self._waterfall, self._tree
        found: list[int] = []
        pending = list(reversed(waterfall.below[index]))
        while pending:
            each = pending.pop()
            kind = waterfall.kinds[each]
            if tree.with_engine:
                found.append(each)
            elif kind is SpanKind.FUNCTION:
                tree.logs[index] += waterfall.logs.get(each, ())
                pending.extend(reversed(waterfall.below[each]))
            elif kind is SpanKind.CALL and (run := waterfall.awaited_run(each)) is not None:
                tree.calls[run] = each
                found.append(run)
            elif kind is not SpanKind.ENGINE:
                found.append(each)
        return found


def row_tree(waterfall: Waterfall, *, with_engine: bool = False) -> RowTree:
    """Return the row tree of a waterfall, built at once."""
    builder = RowTreeBuilder(waterfall, with_engine=with_engine)
    for _ in builder.slices():
        pass
    return builder.tree()
