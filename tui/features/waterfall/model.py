"""The state of the waterfall without its widget, and the trace that it reads."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final

from tui.api.errors import ApiError
from tui.domain.environment import Capability
from tui.domain.ids import RunId, SpanId
from tui.domain.traces.span import Span, Trace
from tui.domain.traces.waterfall import (
    ROOT,
    RowKey,
    RowTree,
    RowTreeBuilder,
    Waterfall,
    WaterfallBuilder,
    extents_of,
    longest_path,
    row_tree,
)
from tui.features.tree.model import BranchRows, FoldingView
from tui.features.tree.words import Branch
from tui.features.waterfall import page
from tui.features.waterfall.page import PlacedTrace, known_ends_of
from tui.features.waterfall.words import SpanAttributes, attributes_of
from tui.kit.page import PageRow
from tui.kit.selection import TREE_REST_S, Fetched, Need, is_trace_open
from tui.kit.words import without_request
from tui.lazy_dataclass import dataclass
from tui.sync.budget import Priority
from tui.sync.clock import Timer
from tui.sync.session import Session
from tui.text.axis import MIN_WINDOW_US, TimeWindow
from tui.text.blocks import SHOW_READING_AFTER, GoToRun, Now, ReadStage, ToggleFold
from tui.text.styled import Line


@dataclass(frozen=True, slots=True, eq=False)
class TraceReading:
    """The result of one read. `placed` is None if the server has no trace of the run.

    `cost_s` is how long the read took, from the request to the placed trace, and `ended_s` when it ended, by the clock.
    """

    placed: PlacedTrace | None
    cost_s: float = 0.0
    ended_s: float = 0.0


# The state of the waterfall without its widget: folds, the engine's spans, the window of time, the next error.
#
# What the trace alone decides was computed when it was read. Here is only what the user or a change of a run alters.


class WaterfallView(FoldingView[int]):
    """Shows one placed trace at a time. `get_run` returns the newest state of a run from the store."""

    def __init__(self, placed: PlacedTrace, get_run: page.GetRun) -> None:
        self.get_run = get_run
        self.read = placed
        """The trace as it was read."""
        self.placed = placed
        """The same, with the ends that the store has learned since."""
        self._trees: dict[bool, RowTree] = {False: placed.tree}
        self._folded: frozenset[RowKey] = frozenset()
        self._zoom: TimeWindow | None = None
        self._with_engine = False
        self._shown: Sequence[Branch[int]] | None = None

    @property
    def waterfall(self) -> Waterfall:
        """The spans of the trace."""
        return self.placed.waterfall

    @property
    def tree(self) -> RowTree:
        """Which spans have rows."""
        if self._with_engine not in self._trees:
            self._trees[self._with_engine] = row_tree(self.waterfall, with_engine=self._with_engine)
        return self._trees[self._with_engine]

    @property
    def shown(self) -> Sequence[Branch[int]]:
        """The visible rows."""
        if self._shown is None:
            self._shown = page.shown_spans(self.waterfall, self.tree, self._folded)
        return self._shown

    @property
    def order(self) -> Sequence[int]:
        return self.tree.order

    @property
    def is_zoomed(self) -> bool:
        """Whether only a part of the time is shown."""
        return self._zoom is not None

    def show(self, placed: PlacedTrace) -> None:
        """Show a newer trace of the same run. Folds and zoom stay."""
        self.read = self.placed = placed
        self._trees = {False: placed.tree}
        self._shown = None
        self.on_runs_changed()

    def on_runs_changed(self) -> None:
        """Compute ends and path again if a run has ended that the trace shows as open."""
        known = known_ends_of(self.waterfall, self.get_run)
        if known != self.placed.known_ends:
            extents = extents_of(self.waterfall, known.get)
            path = longest_path(self.waterfall, extents)
            self.placed = PlacedTrace(self.waterfall, self.placed.tree, extents, path, known)

    def key_of(self, entry: int) -> RowKey:
        return self.waterfall.keys[entry]

    def ancestors_of(self, entry: int) -> Iterator[int]:
        return self.tree.ancestors(entry)

    def children_of(self, entry: int) -> Sequence[int]:
        return self.tree.below[entry]

    def is_open(self, entry: int) -> bool:
        return self.key_of(entry) not in self._folded

    def set_open(self, entry: int, *, is_open: bool) -> None:
        key = frozenset((self.key_of(entry),))
        self._fold(self._folded - key if is_open else self._folded | key)

    def set_all_open(self, *, is_open: bool) -> None:
        self._fold(frozenset() if is_open else frozenset(self.key_of(each) for each in self.order if each != ROOT))

    def reveal(self, entries: Iterable[int]) -> None:
        above = {self.key_of(each) for entry in entries for each in self.ancestors_of(entry)}
        if above & self._folded:
            self._fold(self._folded - above)

    def toggle_engine(self) -> None:
        """Show the engine's spans, or hide them again."""
        self._with_engine = not self._with_engine
        self._shown = None

    def nearest_row(self, index: int) -> int:
        """Return the span whose row stands for a span: itself, or the nearest one above it that has a row."""
        while index not in self.tree.above:
            index = self.waterfall.parents[index]
        return index

    def is_failed(self, entry: int) -> bool:
        style = page.style_of_span(self.waterfall, self.placed.extents, entry, self.get_run)
        return page.is_failed(self.waterfall, entry, style)

    def matches(self, needle: str) -> list[int]:
        """Return the spans with rows whose name contains a text, ignoring case."""
        spans = self.waterfall.spans
        return [index for index in self.order if needle in spans[index].message.casefold()]

    def parts(self, columns: page.WaterfallColumns, clock: Now) -> page.RowParts:
        """Return what the rows are drawn from."""
        return page.parts_of(self.placed, self.tree, self.get_run, columns, clock, self._zoom)

    def zoom(self, step: int, index: int | None, clock: Now) -> None:
        """Zoom in (1) or out (-1), around the bar of a span if that is visible, else around the middle."""
        now = page.moment_of(self.waterfall, clock)
        whole = page.whole_window(self.placed.extents, now)
        window = self._zoom or whole
        around = (window.first + window.last) // 2
        if index is not None:
            first = max(self.waterfall.starts[index], window.first)
            last = min(self.placed.extents.end(index, now), window.last)
            if first <= last:
                around = (first + last) // 2
        wanted = page.zoomed(window, whole, step=step, around=around)
        self._zoom = wanted if wanted.length < max(whole.length, MIN_WINDOW_US) else None

    def pan(self, step: int, clock: Now) -> None:
        """Move the window to earlier (-1) or later (1) times."""
        if self._zoom is not None:
            whole = page.whole_window(self.placed.extents, page.moment_of(self.waterfall, clock))
            self._zoom = page.panned(self._zoom, whole, step=step)

    def _fold(self, folded: frozenset[RowKey]) -> None:
        self._folded, self._shown = folded, None


class WaterfallRows(BranchRows[int]):
    """The visible spans, then some lines below them."""

    def __init__(self, view: WaterfallView, parts: page.RowParts, below: Sequence[Line], current: RunId | None) -> None:
        super().__init__(view, view.shown, [PageRow(line) for line in below])
        self.parts = parts
        self._current = current

    @property
    def cursor_count(self) -> int:
        return len(self.branches)

    def cursor_line(self, index: int) -> Line:
        """Return the row of a span with its name in bold."""
        return page.row_line(self.branches[index], self.parts, is_bold=True)

    def hits(self, needle: str) -> list[int]:
        """Return the rows whose span has a name with this text, without drawing them."""
        spans = self.parts.waterfall.spans
        return [row for row, each in enumerate(self.branches) if needle in spans[each.entry].message.casefold()]

    def make(self, index: int) -> PageRow:
        branch, waterfall = self.branches[index], self.parts.waterfall
        key, run_id = waterfall.keys[branch.entry], waterfall.spans[branch.entry].run_id
        own_action = None if branch.is_open is None else ToggleFold(key)
        action = own_action if run_id == self._current else GoToRun(run_id)
        return PageRow(page.row_line(branch, self.parts), key, action)


# Reads the attributes of the span under the cursor, once for each span, after the cursor has rested.


REST_S: Final = 0.3
"""How long the cursor rests on a span before it is read."""

MAX_SPANS_KEPT: Final = 100
"""Spans whose attributes are kept. They are bounded themselves."""

MAX_IN_FLIGHT: Final = 2
"""Reads at once: more would come from a server that does not answer."""

_Key = tuple[RunId, SpanId, bool]


class SpanReads:
    """Keeps the newest reads. `on_read` is called after each. A span that is still open is read again once it ended."""

    def __init__(self, session: Session, on_read: Callable[[], None]) -> None:
        self._session = session
        self._on_read = on_read
        self._read: OrderedDict[_Key, SpanAttributes] = OrderedDict()
        self._in_flight: dict[_Key, float] = {}
        """The reads, each with the time at which it began."""

        self._wanted: Span | None = None
        self._timer: Timer | None = None

    def attributes(self, span: Span) -> SpanAttributes | ReadStage:
        """Return the attributes of a span, or how far their read has got. They are read soon if they were not."""
        found, began_s = self._read.get(_key(span)), self._in_flight.get(_key(span))
        if found is not None:
            self._want(None)
            return found
        if began_s is None:
            self._want(span)
            return ReadStage.DUE
        is_late = self._session.clock.monotonic_s() - began_s >= SHOW_READING_AFTER.total_seconds()
        return ReadStage.LATE if is_late else ReadStage.DUE

    def close(self) -> None:
        """Forget everything, because another run is selected or the pane is hidden."""
        self._want(None)
        self._read.clear()

    def _want(self, span: Span | None) -> None:
        if span is not None and self._wanted is not None and _key(span) == _key(self._wanted):
            return
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._wanted = span
        if span is not None:
            self._timer = self._session.clock.call_later(REST_S, self._start)

    def _start(self) -> None:
        span, self._timer, self._wanted = self._wanted, None, None
        if span is not None and len(self._in_flight) < MAX_IN_FLIGHT:
            clock = self._session.clock
            self._in_flight[_key(span)] = clock.monotonic_s()
            clock.call_later(SHOW_READING_AFTER.total_seconds(), self._on_read)  # a read that is late is shown
            self._session.spawn(self._fetch(span.run_id, span.id, _key(span)), f"read the span {span.id!r}")

    async def _fetch(self, run_id: RunId, span_id: SpanId, key: _Key) -> None:
        session = self._session
        api = session.fetcher.api
        try:
            detail = await session.budget.request(
                ("span", run_id, span_id), Priority.SELECTED, lambda: api.read_span(run_id, span_id)
            )
            found = attributes_of(detail)
        except ApiError as error:
            found = SpanAttributes(failure=without_request(str(error)))
        finally:
            del self._in_flight[key]
        self._read[key] = found
        while len(self._read) > MAX_SPANS_KEPT:
            self._read.popitem(last=False)
        self._on_read()


def _key(span: Span) -> _Key:
    return span.run_id, span.id, span.is_partial


# Reads the trace of a run for the waterfall, and places its spans in slices, so that no key waits for it.


async def read_trace(session: Session, run_id: RunId) -> TraceReading:
    """Read the trace of a run. Raises `ApiError`."""
    began_s = session.clock.monotonic_s()
    trace = await session.fetcher.fetch_trace(run_id, Priority.SELECTED)
    placed = None if trace is None else await _placed(session, trace)
    ended_s = session.clock.monotonic_s()
    return TraceReading(placed, ended_s - began_s, ended_s)


async def _placed(session: Session, trace: Trace) -> PlacedTrace:
    builder = WaterfallBuilder(trace)
    await _in_slices(builder.slices())
    waterfall = builder.waterfall()
    tree = RowTreeBuilder(waterfall, with_engine=False)
    await _in_slices(tree.slices())
    known = known_ends_of(waterfall, session.store.get)
    extents = extents_of(waterfall, known.get)
    await asyncio.sleep(0)
    path = longest_path(waterfall, extents)
    await asyncio.sleep(0)
    return PlacedTrace(waterfall, tree.tree(), extents, path, known)


async def _in_slices(slices: Iterator[None]) -> None:
    for _ in slices:
        await asyncio.sleep(0)


MAX_TRACE_SHARE: Final = 0.05


TRACE_INTERVAL_S: Final = 3.0
"""A trace of a live run is read at most this often, and at most for MAX_TRACE_SHARE of the time."""


async def _fetch_trace(session: Session, run_id: RunId) -> Fetched[TraceReading]:
    reading = await read_trace(session, run_id)
    is_lagging = reading.placed is not None and is_trace_open(session.store.get(run_id), reading.placed.waterfall.root)
    await session.settle()  # the answer may have been that the key may not read traces
    return Fetched(reading, session.store.lost_capabilities.get(Capability.TRACE), is_lagging=is_lagging)


def _may_trace_change(session: Session, run_id: RunId, reading: TraceReading | None) -> bool:
    """Return whether the trace may have grown. A trace that costs much is read again later."""
    if reading is None:
        return False
    run = session.store.get(run_id)
    is_live = run is None or run.state is None or not run.is_final
    return is_live and session.clock.monotonic_s() - reading.ended_s >= reading.cost_s / MAX_TRACE_SHARE


TRACE: Final[Need[TraceReading]] = Need(
    name="the trace",
    fetch=_fetch_trace,
    min_rest_s=TREE_REST_S,
    repeat_after_s=TRACE_INTERVAL_S,
    min_interval_s=TRACE_INTERVAL_S,
    may_change=_may_trace_change,
)
"""The spans of the selected run and of the runs that it awaits: one request."""
