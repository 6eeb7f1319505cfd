"""The rows of the waterfall as a lazy sequence: of thousands of spans only the visible rows are drawn."""

from collections.abc import Hashable, Sequence
from typing import Final

from tui.domain.ids import RunId
from tui.domain.run import Run
from tui.domain.traces.extent import SpanState
from tui.domain.traces.waterfall import RowKey
from tui.present.actions.row_actions import GoToRun, ToggleFold
from tui.present.styled import Line
from tui.present.waterfall.look import SpanLook, look_of
from tui.present.waterfall.page import RowParts, row_line
from tui.ui.model.page_rows import LazyRows, PageRow
from tui.ui.model.waterfall.view import WaterfallView

MAX_CACHED_ROWS: Final = 1_000
"""Drawn rows that are kept for the next frame."""


class WaterfallRows(LazyRows):
    """The visible spans, then some lines below them.

    The row of a span that has ended is taken from `previous` if nothing in it changed.
    """

    def __init__(
        self,
        view: WaterfallView,
        parts: RowParts,
        below: Sequence[Line],
        current: RunId | None,
        previous: "WaterfallRows | None" = None,
    ) -> None:
        super().__init__(len(view.shown), [PageRow(line) for line in below])
        self._view = view
        self._shown = view.shown
        self._parts = parts
        self._current = current
        self._cache: dict[RowKey, tuple[object, PageRow]] = {}
        if previous is not None and previous._layout == self._layout and len(previous._cache) < MAX_CACHED_ROWS:  # noqa: SLF001  the same class
            self._cache = previous._cache  # noqa: SLF001

    @property
    def _layout(self) -> object:
        parts = self._parts
        return self._view, parts.columns, parts.scale.window, parts.scale.ticks, self._current

    @property
    def parts(self) -> RowParts:
        """What the rows are drawn from."""
        return self._parts

    @property
    def cursor_count(self) -> int:
        return len(self._shown)

    def cursor_line(self, index: int) -> Line:
        """Return the row of a span with its name in bold."""
        if index >= len(self._shown):
            return self[index].line
        shown = self._shown[index]
        return row_line(shown, self.look_at(shown.span), self._parts, is_bold=True)

    def span_at(self, index: int) -> int | None:
        """Return the span of a row. A line below the spans stands for the last one; None if there are no spans."""
        return self._shown[min(index, len(self._shown) - 1)].span if self._shown else None

    def index_of(self, key: Hashable) -> int | None:
        return self._view.row_of(key)

    def hits(self, needle: str) -> list[int]:
        """Return the rows whose span has a name with this text, without drawing them."""
        spans = self._parts.waterfall.spans
        return [row for row, each in enumerate(self._shown) if needle in spans[each.span].message.casefold()]

    def look_at(self, index: int) -> SpanLook:
        """Return the look of a span."""
        parts = self._parts
        return look_of(parts.waterfall, parts.extents, index, self._view.get_run, is_on_path=index in parts.path)

    def run_at(self, index: int) -> Run | None:
        """Return the run that a span stands for, as far as the store knows it; None of a span inside a run."""
        waterfall = self._parts.waterfall
        run_id = waterfall.spans[index].run_id
        return self._view.get_run(run_id) if waterfall.run_spans.get(run_id) == index else None

    def make(self, index: int) -> PageRow:
        shown, parts = self._shown[index], self._parts
        index = shown.span
        key, look, extents = parts.waterfall.keys[index], self.look_at(index), parts.extents
        content = None
        if extents.states[index] is not SpanState.RUNNING:
            times = parts.waterfall.starts[index], extents.ends[index], extents.seen[index]
            content = shown, look, times, index in parts.path, len(parts.tree.logs.get(index, ()))
            cached = self._cache.get(key)
            if cached is not None and cached[0] == content:
                return cached[1]
        run_id = parts.waterfall.spans[index].run_id
        action: object = None
        if run_id != self._current:
            action = GoToRun(run_id)
        elif shown.is_open is not None:
            action = ToggleFold(key)
        row = PageRow(row_line(shown, look, parts), key, action)
        if content is not None:
            self._cache[key] = content, row
        return row
