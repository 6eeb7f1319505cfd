"""The state of the waterfall without its widget: folds, the engine's spans, the window of time, the next error.

What the trace alone decides was computed when it was read. Here is only what the user or a change of a run alters.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Final

from tui.domain.ids import RunId
from tui.domain.traces.extent import Extents, SpanState, extents_of
from tui.domain.traces.longest_path import longest_path
from tui.domain.traces.row_tree import RowTree, row_tree
from tui.domain.traces.waterfall import ROOT, RowKey, SpanKind, Waterfall
from tui.present.columns import Now
from tui.present.waterfall.axis import MIN_WINDOW_US, TimeWindow, panned, whole_window, zoomed
from tui.present.waterfall.look import GetRun, is_failed, run_ends, style_of_span
from tui.present.waterfall.page import ShownSpan, shown_spans
from tui.ui.model.waterfall.reading import KnownEnds, PlacedTrace

MAX_REVEALED: Final = 200
"""The most spans that a search reveals: a single letter would match thousands."""


def known_ends_of(waterfall: Waterfall, get_run: GetRun) -> KnownEnds:
    """Return what the store knows of the runs that the trace shows as open."""
    ends_of = run_ends(get_run)
    found: KnownEnds = {}
    for run_id, index in waterfall.run_spans.items():
        if waterfall.spans[index].is_partial and (end := ends_of(run_id)) is not None:
            found[run_id] = end
    return found


class WaterfallView:
    """Shows one placed trace at a time. `get_run` returns the newest state of a run from the store."""

    def __init__(self, placed: PlacedTrace, get_run: GetRun) -> None:
        self.get_run = get_run
        self._placed = placed
        self._extents, self._path, self._known_ends = placed.extents, placed.path, placed.known_ends
        self._trees: dict[bool, RowTree] = {False: placed.tree}
        self._folded: frozenset[RowKey] = frozenset()
        self._zoom: TimeWindow | None = None
        self._with_engine = False
        self._shown: Sequence[ShownSpan] | None = None
        self._rows_by_key: dict[RowKey, int] | None = None

    @property
    def placed(self) -> PlacedTrace:
        """The trace as it was read."""
        return self._placed

    @property
    def waterfall(self) -> Waterfall:
        """The spans of the trace."""
        return self._placed.waterfall

    @property
    def extents(self) -> Extents:
        """When the spans began and ended, as far as trace and store know."""
        return self._extents

    @property
    def path(self) -> frozenset[int]:
        """The spans on the longest path."""
        return self._path

    @property
    def tree(self) -> RowTree:
        """Which spans have rows."""
        if self._with_engine not in self._trees:
            self._trees[self._with_engine] = row_tree(self.waterfall, with_engine=self._with_engine)
        return self._trees[self._with_engine]

    @property
    def shown(self) -> Sequence[ShownSpan]:
        """The visible rows."""
        if self._shown is None:
            self._shown, self._rows_by_key = shown_spans(self.waterfall, self.tree, self._folded), None
        return self._shown

    @property
    def is_zoomed(self) -> bool:
        """Whether only a part of the time is shown."""
        return self._zoom is not None

    def show(self, placed: PlacedTrace) -> None:
        """Show a newer trace of the same run. Folds and zoom stay."""
        self._placed = placed
        self._extents, self._path, self._known_ends = placed.extents, placed.path, placed.known_ends
        self._trees = {False: placed.tree}
        self._shown = None
        self.on_runs_changed()

    def on_runs_changed(self) -> None:
        """Compute ends and path again if a run has ended that the trace shows as open."""
        known = known_ends_of(self.waterfall, self.get_run)
        if known != self._known_ends:
            self._known_ends = known
            self._extents = extents_of(self.waterfall, known.get)
            self._path = longest_path(self.waterfall, self._extents)

    def row_of(self, key: object) -> int | None:
        """Return the number of the visible row with a key."""
        shown = self.shown
        if self._rows_by_key is None:
            keys = self.waterfall.keys
            self._rows_by_key = {keys[each.span]: row for row, each in enumerate(shown)}
        return self._rows_by_key.get(key)  # type: ignore[call-overload,no-any-return]  # any key may be asked for

    def key_of(self, index: int) -> RowKey:
        """Return the key of a span."""
        return self.waterfall.keys[index]

    def is_open(self, index: int) -> bool:
        """Return whether the rows below a span are visible."""
        return self.key_of(index) not in self._folded

    def set_open(self, index: int, *, is_open: bool) -> None:
        """Unfold or fold a span."""
        key = frozenset((self.key_of(index),))
        self._fold(self._folded - key if is_open else self._folded | key)

    def set_all_open(self, *, is_open: bool) -> None:
        """Unfold everything, or fold everything but the root."""
        keys = self.waterfall.keys
        self._fold(frozenset() if is_open else frozenset(keys[each] for each in self.tree.order if each != ROOT))

    def reveal(self, indexes: Iterable[int]) -> None:
        """Unfold everything above some spans."""
        above = {self.key_of(each) for index in indexes for each in self.tree.ancestors(index)}
        if above & self._folded:
            self._fold(self._folded - above)

    def toggle_engine(self) -> None:
        """Show the engine's spans, or hide them again."""
        self._with_engine = not self._with_engine
        self._shown = None

    def nearest_row(self, index: int) -> int:
        """Return the span whose row stands for a span: itself, or the nearest one above it that has a row."""
        tree = self.tree
        while index not in tree.above:
            index = self.waterfall.parents[index]
        return index

    def next_error(self, index: int | None, step: int) -> int | None:
        """Return the next (1) or previous (-1) span with an error, wrapping around; None if there is no other."""
        return next((each for each in self._ahead(index, step) if self._is_failed(each)), None)

    def next_on_path(self, index: int | None) -> int | None:
        """Return the next span on the longest path, wrapping around; None if there is no other."""
        return next((each for each in self._ahead(index, 1) if each in self._path), None)

    def matches(self, needle: str) -> list[int]:
        """Return the spans with rows whose name contains a text, ignoring case."""
        spans = self.waterfall.spans
        return [index for index in self.tree.order if needle in spans[index].message.casefold()]

    def moment(self, now: Now) -> int:
        """Return the time up to which running bars reach, in µs since the root's start."""
        at: datetime = now.frozen_at or now.at
        root = self.waterfall.root
        return self.waterfall.moment(root.started_at + now.drawn(at - root.started_at))

    def window(self, now: int) -> TimeWindow:
        """Return the window of time that is shown."""
        return self._zoom or whole_window(self._extents, now)

    def zoom(self, step: int, index: int | None, now: int) -> None:
        """Zoom in (1) or out (-1), around the bar of a span if that is visible, else around the middle."""
        whole, window = whole_window(self._extents, now), self.window(now)
        around = (window.first + window.last) // 2
        if index is not None:
            first, last = self.waterfall.starts[index], self._extents.end(index, now)
            shown_first, shown_last = max(first, window.first), min(last, window.last)
            if shown_first <= shown_last:
                around = (shown_first + shown_last) // 2
        wanted = zoomed(window, whole, step=step, around=around)
        self._zoom = wanted if wanted.length < max(whole.length, MIN_WINDOW_US) else None

    def pan(self, step: int, now: int) -> None:
        """Move the window to earlier (-1) or later (1) times."""
        if self._zoom is not None:
            self._zoom = panned(self._zoom, whole_window(self._extents, now), step=step)

    def run_of(self, index: int) -> RunId:
        """Return the run of a span."""
        return self.waterfall.spans[index].run_id

    @property
    def legend_facts(self) -> dict[str, bool]:
        """Which rare marks are on the page, so that the legend explains them."""
        shown, kinds, states = self.shown, self.waterfall.kinds, self._extents.states
        return {
            "has_unknown": any(states[each.span] is SpanState.UNKNOWN for each in shown),
            "has_batch": any(kinds[each.span] is SpanKind.CALL for each in shown),
        }

    def _is_failed(self, index: int) -> bool:
        return is_failed(self.waterfall, index, style_of_span(self.waterfall, self._extents, index, self.get_run))

    def _ahead(self, index: int | None, step: int) -> Iterator[int]:
        order = self.tree.order
        at = order.index(index) if index in self.tree.above and index is not None else -1
        yield from order[at + 1 :] if step > 0 else reversed(order[: max(at, 0)])
        yield from order[: max(at, 0)] if step > 0 else reversed(order[at + 1 :])

    def _fold(self, folded: frozenset[RowKey]) -> None:
        self._folded, self._shown = folded, None
