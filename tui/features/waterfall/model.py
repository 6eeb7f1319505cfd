"""The state of the waterfall without its widget, and the trace that it reads."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from typing import Final

from tui.api.errors import ApiError
from tui.domain.environment import Capability
from tui.domain.ids import RunId, SpanId
from tui.domain.run import Run
from tui.domain.traces.span import Span, Trace
from tui.domain.traces.waterfall import (
    ROOT,
    Extents,
    RowKey,
    RowTree,
    RowTreeBuilder,
    RunEnd,
    SpanState,
    Waterfall,
    WaterfallBuilder,
    extents_of,
    longest_path,
    row_tree,
)
from tui.features.waterfall import page
from tui.features.waterfall.words import SpanAttributes, attributes_of
from tui.kit.page import LazyRows, PageRow
from tui.kit.selection import TREE_REST_S, Fetched, Need, is_trace_open
from tui.kit.words import without_request
from tui.lazy_dataclass import dataclass
from tui.sync.budget import Priority
from tui.sync.clock import Timer
from tui.sync.session import Session
from tui.text.blocks import SHOW_READING_AFTER, GoToRun, Now, ReadStage, ToggleFold
from tui.text.styled import Line

# The waterfall of a trace as it was read, with everything that takes long to compute.


KnownEnds = dict[RunId, RunEnd]
"""What the store knew of the runs that the trace shows as open."""


@dataclass(frozen=True, slots=True, eq=False)
class PlacedTrace:
    """A waterfall with its rows, ends and longest path, as of `known_ends`. `tree` leaves the engine's spans out."""

    waterfall: Waterfall
    tree: RowTree
    extents: Extents
    path: frozenset[int]
    known_ends: KnownEnds


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


MAX_REVEALED: Final = 200
"""The most spans that a search reveals: a single letter would match thousands."""


def known_ends_of(waterfall: Waterfall, get_run: page.GetRun) -> KnownEnds:
    """Return what the store knows of the runs that the trace shows as open."""
    ends_of = page.run_ends(get_run)
    found: KnownEnds = {}
    for run_id, index in waterfall.run_spans.items():
        if waterfall.spans[index].is_partial and (end := ends_of(run_id)) is not None:
            found[run_id] = end
    return found


class WaterfallView:
    """Shows one placed trace at a time. `get_run` returns the newest state of a run from the store."""

    def __init__(self, placed: PlacedTrace, get_run: page.GetRun) -> None:
        self.get_run = get_run
        self.placed = placed
        """The trace as it was read."""
        self.extents = placed.extents
        """When the spans began and ended, as far as trace and store know."""
        self.path = placed.path
        """The spans on the longest path."""
        self._known_ends = placed.known_ends
        self._trees: dict[bool, RowTree] = {False: placed.tree}
        self._folded: frozenset[RowKey] = frozenset()
        self._zoom: page.TimeWindow | None = None
        self._with_engine = False
        self._shown: Sequence[page.ShownSpan] | None = None
        self._rows_by_key: dict[RowKey, int] | None = None

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
    def shown(self) -> Sequence[page.ShownSpan]:
        """The visible rows."""
        if self._shown is None:
            self._shown, self._rows_by_key = page.shown_spans(self.waterfall, self.tree, self._folded), None
        return self._shown

    @property
    def is_zoomed(self) -> bool:
        """Whether only a part of the time is shown."""
        return self._zoom is not None

    def show(self, placed: PlacedTrace) -> None:
        """Show a newer trace of the same run. Folds and zoom stay."""
        self.placed = placed
        self.extents, self.path, self._known_ends = placed.extents, placed.path, placed.known_ends
        self._trees = {False: placed.tree}
        self._shown = None
        self.on_runs_changed()

    def on_runs_changed(self) -> None:
        """Compute ends and path again if a run has ended that the trace shows as open."""
        known = known_ends_of(self.waterfall, self.get_run)
        if known != self._known_ends:
            self._known_ends = known
            self.extents = extents_of(self.waterfall, known.get)
            self.path = longest_path(self.waterfall, self.extents)

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
        for each in self._ahead(index, step):
            style = page.style_of_span(self.waterfall, self.extents, each, self.get_run)
            if page.is_failed(self.waterfall, each, style):
                return each
        return None

    def next_on_path(self, index: int | None) -> int | None:
        """Return the next span on the longest path, wrapping around; None if there is no other."""
        return next((each for each in self._ahead(index, 1) if each in self.path), None)

    def matches(self, needle: str) -> list[int]:
        """Return the spans with rows whose name contains a text, ignoring case."""
        spans = self.waterfall.spans
        return [index for index in self.tree.order if needle in spans[index].message.casefold()]

    def moment(self, now: Now) -> int:
        """Return the time up to which running bars reach, in µs since the root's start."""
        at, started_at = now.frozen_at or now.at, self.waterfall.root.started_at
        return self.waterfall.moment(started_at + now.drawn(at - started_at))

    def window(self, now: int) -> page.TimeWindow:
        """Return the window of time that is shown."""
        return self._zoom or page.whole_window(self.extents, now)

    def zoom(self, step: int, index: int | None, now: int) -> None:
        """Zoom in (1) or out (-1), around the bar of a span if that is visible, else around the middle."""
        whole, window = page.whole_window(self.extents, now), self.window(now)
        around = (window.first + window.last) // 2
        if index is not None:
            first, last = self.waterfall.starts[index], self.extents.end(index, now)
            shown_first, shown_last = max(first, window.first), min(last, window.last)
            if shown_first <= shown_last:
                around = (shown_first + shown_last) // 2
        wanted = page.zoomed(window, whole, step=step, around=around)
        self._zoom = wanted if wanted.length < max(whole.length, page.MIN_WINDOW_US) else None

    def pan(self, step: int, now: int) -> None:
        """Move the window to earlier (-1) or later (1) times."""
        if self._zoom is not None:
            self._zoom = page.panned(self._zoom, page.whole_window(self.extents, now), step=step)

    def _ahead(self, index: int | None, step: int) -> Iterator[int]:
        order = self.tree.order
        at = order.index(index) if index in self.tree.above and index is not None else -1
        yield from order[at + 1 :] if step > 0 else reversed(order[: max(at, 0)])
        yield from order[: max(at, 0)] if step > 0 else reversed(order[at + 1 :])

    def _fold(self, folded: frozenset[RowKey]) -> None:
        self._folded, self._shown = folded, None


# The rows of the waterfall as a lazy sequence: of thousands of spans only the visible rows are drawn.


MAX_CACHED_ROWS: Final = 1_000
"""Drawn rows that are kept for the next frame."""


class WaterfallRows(LazyRows):
    """The visible spans, then some lines below them.

    The row of a span that has ended is taken from `previous` if nothing in it changed.
    """

    def __init__(
        self,
        view: WaterfallView,
        parts: page.RowParts,
        below: Sequence[Line],
        current: RunId | None,
        previous: "WaterfallRows | None" = None,
    ) -> None:
        super().__init__(len(view.shown), [PageRow(line) for line in below])
        self._view = view
        self._shown = view.shown
        self.parts = parts
        self._current = current
        self._cache: dict[RowKey, tuple[object, PageRow]] = {}
        if previous is not None and previous._layout == self._layout and len(previous._cache) < MAX_CACHED_ROWS:  # noqa: SLF001  the same class
            self._cache = previous._cache  # noqa: SLF001

    @property
    def _layout(self) -> object:
        parts = self.parts
        return self._view, parts.columns, parts.scale.window, parts.scale.ticks, self._current

    @property
    def cursor_count(self) -> int:
        return len(self._shown)

    def cursor_line(self, index: int) -> Line:
        """Return the row of a span with its name in bold."""
        if index >= len(self._shown):
            return self[index].line
        shown = self._shown[index]
        return page.row_line(shown, self.look_at(shown.span), self.parts, is_bold=True)

    def span_at(self, index: int) -> int | None:
        """Return the span of a row. A line below the spans stands for the last one; None if there are no spans."""
        return self._shown[min(index, len(self._shown) - 1)].span if self._shown else None

    def index_of(self, key: Hashable) -> int | None:
        return self._view.row_of(key)

    def hits(self, needle: str) -> list[int]:
        """Return the rows whose span has a name with this text, without drawing them."""
        spans = self.parts.waterfall.spans
        return [row for row, each in enumerate(self._shown) if needle in spans[each.span].message.casefold()]

    def look_at(self, index: int) -> page.SpanLook:
        """Return the look of a span."""
        parts = self.parts
        return page.look_of(parts.waterfall, parts.extents, index, self._view.get_run, is_on_path=index in parts.path)

    def run_at(self, index: int) -> Run | None:
        """Return the run that a span stands for, as far as the store knows it; None of a span inside a run."""
        waterfall = self.parts.waterfall
        run_id = waterfall.spans[index].run_id
        return self._view.get_run(run_id) if waterfall.run_spans.get(run_id) == index else None

    def make(self, index: int) -> PageRow:
        shown, parts = self._shown[index], self.parts
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
        own_action = None if shown.is_open is None else ToggleFold(key)
        action = own_action if run_id == self._current else GoToRun(run_id)
        row = PageRow(page.row_line(shown, look, parts), key, action)
        if content is not None:
            self._cache[key] = content, row
        return row


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
