"""The waterfall: the trace that it reads, its state without a widget, and the other form of the pane `tree`."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import ClassVar, Final

from textual import events
from textual.app import ComposeResult
from textual.binding import BindingType

from tui.domain.run import Capability, RunId, SpanId
from tui.domain.trace import (
    GetRun,
    PlacedTrace,
    RowKey,
    RowTree,
    Span,
    SpanKind,
    SpanState,
    Trace,
    Waterfall,
    known_ends_of,
    placed_trace,
)
from tui.features.tree import spans as words
from tui.features.tree.view import BranchRows, FoldingPane, FoldingView
from tui.features.tree.words import Branch
from tui.kit.keys import Help, bind
from tui.kit.lines import GUTTER, Lines
from tui.kit.live_model import LiveModel
from tui.kit.page import PageRow
from tui.kit.selection import TREE, TREE_REST_S, Fetched, Need, Selected, is_trace_open
from tui.kit.words import without_request
from tui.store.changes import Changes
from tui.sync.clock import Timer
from tui.sync.reads import Priority
from tui.sync.session import Session
from tui.text import formatting
from tui.text.bars import MIN_WINDOW_US, TimeWindow
from tui.text.blocks import GoToRun, Now, ReadStage, ToggleFold, tries_again
from tui.text.json import inline
from tui.text.styled import Line, Piece, Token, wrap

# The state of the waterfall without its widget: folds, the engine's spans, the window of time, the next error.
#
# Everything that depends on the trace alone was computed when it was read. This class has only the state that the user
# or a change of a run alters.


class WaterfallView(FoldingView[int]):
    """Shows one placed trace at a time. `get_run` returns the newest state of a run from the store."""

    def __init__(self, placed: PlacedTrace, get_run: GetRun) -> None:
        self.get_run = get_run
        self.placed = placed
        """The trace, with the ends that the store has learned since it was read."""
        self.tree = placed.tree
        """Which spans have rows."""
        self.window: TimeWindow | None = None
        """The part of the time that is shown; None: all of it."""
        super().__init__()

    @property
    def waterfall(self) -> Waterfall:
        """The spans of the trace."""
        return self.placed.waterfall

    @property
    def order(self) -> Sequence[int]:
        return self.tree.order

    def show(self, placed: PlacedTrace) -> None:
        """Show a newer trace of the same run. Folds and zoom stay."""
        self.placed = placed
        self._show_tree(with_engine=self.tree.with_engine)
        self.on_runs_changed()

    def _show_tree(self, *, with_engine: bool) -> None:
        self.tree = RowTree(self.waterfall, with_engine=True) if with_engine else self.placed.tree
        self._shown = None

    def on_runs_changed(self) -> None:
        """Compute ends and path again if a run has ended that the trace shows as open."""
        known = known_ends_of(self.waterfall, self.get_run)
        if known != self.placed.known_ends:
            self.placed = placed_trace(self.waterfall, self.placed.tree, known)

    def key_of(self, entry: int) -> RowKey:
        return self.waterfall.keys[entry]

    def ancestors_of(self, entry: int) -> Iterator[int]:
        return self.tree.ancestors(entry)

    def children_of(self, entry: int) -> Sequence[int]:
        return self.tree.below[entry]

    def toggle_engine(self) -> None:
        """Show the engine's spans, or hide them again."""
        self._show_tree(with_engine=not self.tree.with_engine)

    def nearest_row(self, index: int) -> int:
        """Return the span whose row stands for a span: itself, or the nearest one above it that has a row."""
        while index not in self.tree.above:
            index = self.waterfall.parents[index]
        return index

    def is_failed(self, entry: int) -> bool:
        style = words.style_of_span(self.waterfall, self.placed.extents, entry, self.get_run)
        return words.is_failed(self.waterfall, entry, style)

    def words_of(self, entry: int) -> str:
        return self.waterfall.spans[entry].message

    def parts(self, columns: words.WaterfallColumns, clock: Now) -> words.RowParts:
        """Return the parts that all rows are drawn from."""
        return words.parts_of(self.placed, self.tree, self.get_run, columns, clock, self.window)

    def zoom(self, step: int, index: int | None, clock: Now) -> None:
        """Zoom in (1) or out (-1), around the bar of a span if that is visible, else around the middle."""
        now = words.moment_of(self.waterfall, clock)
        whole = words.whole_window(self.placed.extents, now)
        window = self.window or whole
        around = (window.first + window.last) // 2
        if index is not None:
            first = max(self.waterfall.starts[index], window.first)
            last = min(self.placed.extents.end(index, now), window.last)
            if first <= last:
                around = (first + last) // 2
        wanted = words.zoomed(window, whole, step=step, around=around)
        self.window = wanted if wanted.length < max(whole.length, MIN_WINDOW_US) else None

    def pan(self, step: int, clock: Now) -> None:
        """Move the window to earlier (-1) or later (1) times."""
        if self.window is not None:
            whole = words.whole_window(self.placed.extents, words.moment_of(self.waterfall, clock))
            self.window = words.panned(self.window, whole, step=step)


class WaterfallRows(BranchRows[int]):
    """The visible spans, then some lines below them."""

    def __init__(
        self, view: WaterfallView, parts: words.RowParts, below: Sequence[Line], current: RunId | None
    ) -> None:
        super().__init__(view, partial(_span_row, parts, current), [PageRow(line) for line in below])
        self.parts = parts

    @property
    def cursor_count(self) -> int:
        return len(self.branches)

    def cursor_line(self, index: int) -> Line:
        """Return the row of a span with its name in bold."""
        return words.row_line(self.branches[index], self.parts, is_bold=True)

    def hits(self, needle: str) -> list[int]:
        """Return the rows whose span has a name with this text, without drawing them."""
        spans = self.parts.waterfall.spans
        return [row for row, each in enumerate(self.branches) if needle in spans[each.entry].message.casefold()]


def _span_row(parts: words.RowParts, current: RunId | None, branch: Branch[int]) -> PageRow:
    waterfall = parts.waterfall
    key, run_id = waterfall.keys[branch.entry], waterfall.spans[branch.entry].run_id
    own_action = None if branch.is_open is None else ToggleFold(key)
    action = own_action if run_id == current else GoToRun(run_id)
    return PageRow(words.row_line(branch, parts), key, action)


# Reads the attributes of the span under the cursor, once for each span, after the cursor has rested.


REST_S: Final = 0.3
"""How long the cursor rests on a span before it is read."""


MAX_ATTRIBUTE_CELLS: Final = 600
"""More than three rows of most screens. Attributes are kept as JSON on one line, so that no huge value is."""


def span_reads(session: Session, on_read: Callable[[], None]) -> Selected[Span, Line]:
    """Read spans under the cursor. A span that is still open is read again once it ended."""

    async def read(span: Span, _: Line | None) -> Line:
        found = (await session.fetcher.fetch_span(span.run_id, span.id, Priority.SELECTED)).properties
        # An error is shown as an error.
        named = {name: value for name, value in found.items() if name != "error" or not isinstance(value, dict)}
        return inline(named, MAX_ATTRIBUTE_CELLS)[0] if named else (Piece("none", Token.MUTED),)

    return Selected(session, read, on_read, key=span_key, name="read a span", rest_s=REST_S)


def span_key(span: Span) -> tuple[RunId, SpanId, bool]:
    """Return the key under which the attributes of a span are kept."""
    return span.run_id, span.id, span.is_partial


# Reads the trace of a run for the waterfall, and places its spans in a thread, so that no key waits for it.


async def _placed(session: Session, trace: Trace) -> PlacedTrace:
    waterfall = await asyncio.to_thread(Waterfall, trace)
    tree = await asyncio.to_thread(RowTree, waterfall)
    known = known_ends_of(waterfall, session.store.get)
    return await asyncio.to_thread(placed_trace, waterfall, tree, known)


TRACE_INTERVAL_S: Final = 3.0
"""A trace of a live run is read at most this often."""


async def fetch_trace(session: Session, run_id: RunId, _: PlacedTrace | None) -> Fetched[PlacedTrace]:
    """Read the trace of a run. Raises `ApiError`."""
    began_s = session.clock.monotonic_s()
    trace = await session.fetcher.fetch_trace(run_id, Priority.SELECTED)
    placed = None if trace is None else await _placed(session, trace)
    cost_s = session.clock.monotonic_s() - began_s
    is_lagging = placed is not None and is_trace_open(session.store.get(run_id), placed.waterfall.root)
    await session.settle()  # the server may have answered that the key may not read traces
    failure = session.store.lost_capabilities.get(Capability.TRACE)
    return Fetched(placed, failure, is_lagging=is_lagging, cost_s=cost_s)


def _may_trace_change(session: Session, run_id: RunId, _: PlacedTrace | None) -> bool:
    run = session.store.get(run_id)
    return run is None or run.state is None or not run.is_final


TRACE: Final[Need[PlacedTrace]] = Need(
    name="the trace",
    fetch=fetch_trace,
    min_rest_s=TREE_REST_S,
    repeat_after_s=TRACE_INTERVAL_S,
    min_interval_s=TRACE_INTERVAL_S,
    may_change=_may_trace_change,
)
"""The spans of the selected run and of the runs that it awaits: one request."""


# The facts about the span under the cursor: below the spans where there is room, else in a strip of two lines.


DETAIL_HEIGHT: Final = 12
"""The least height of the facts, with their rule."""

MIN_DETAIL_PANE: Final = 30
"""A pane of at least this height has room for these facts below the spans."""

STRIP_HEIGHT: Final = 2
MIN_STRIP_PANE: Final = 12
"""A lower pane of at least this height has a strip of two lines instead."""

SLOW_LINK_REST_S: Final = 0.4
"""On a slow link, the facts follow once the cursor has rested for this long."""

_HEAD_ROWS: Final = 2
_BELOW_SPANS: Final = 5
"""Rows of the page for the legend and for a sentence."""


class SpanFacts(Lines):
    """The lines below the page of a pane: a page of facts, a strip, or none, as the height of the pane allows."""

    def __init__(self, pane: "WaterfallPane") -> None:
        super().__init__(classes="foot")
        self._pane = pane
        self._is_strip = False
        self._reads = span_reads(pane.live.session, self.show_span)
        self._timer: Timer | None = None
        self._arranged = (0, 0)

    def take_place(self) -> None:
        """Take a place in the pane. The page has room for all spans, so that nothing moves when some are folded."""
        pane, height = self._pane, self._pane.size.height
        self._is_strip = MIN_STRIP_PANE <= height < MIN_DETAIL_PANE
        strip_rows = STRIP_HEIGHT if self._is_strip else 0
        page_rows = 0
        if height >= MIN_DETAIL_PANE:
            spans = 0 if pane.view is None else len(pane.view.order)
            page_rows = min(spans + _BELOW_SPANS, height - _HEAD_ROWS - DETAIL_HEIGHT)
        if (page_rows, strip_rows) != self._arranged:
            self._arranged = page_rows, strip_rows
            self.app_base.record_layout()
            self.styles.height = "1fr" if page_rows else strip_rows
            pane.page.styles.height = page_rows or "1fr"

    def follow(self) -> None:
        """Show the span under the cursor; on a slow link once the cursor has rested."""
        if not self.app_base.is_slow_link:
            self.show_span()
        elif self._timer is None:
            self._timer = self._pane.live.session.clock.call_later(SLOW_LINK_REST_S, self.show_span)

    def show_span(self) -> None:
        """Show what is known about the span under the cursor."""
        self._stop_timer()
        pane, height = self._pane, self.size.height
        if not self.is_attached:
            return
        if pane.entry is None or pane.drawn is None or not pane.is_shown:
            self.show(())
            return
        parts, width = pane.drawn.parts, pane.page.size.width
        attributes: Line = ()
        if height and not self._is_strip:
            attributes = self._attributes_of(parts.waterfall.spans[pane.entry])
        span = words.SelectedSpan(parts, pane.entry, attributes, pane.selection.run_id)
        lines = words.strip_lines(span, width) if self._is_strip else words.detail_lines(span, width, height)
        self.show(lines if height else (), is_stale=pane.live.now.frozen_at is not None)

    def _attributes_of(self, span: Span) -> Line:
        """Return the attributes of a span, or how far their read has got. They are read soon if they were not."""
        self._reads.follow(span)
        if failure := self._reads.failure_of(span_key(span)):
            return (Piece(f"could not be read: {without_request(failure)}", Token.MUTED),)
        return self._reads.of(span_key(span)) or (Piece(self._reads.stage.words, Token.MUTED),)

    @property
    def is_reading(self) -> bool:
        """Whether a read is in flight, so that the words depend on how long it takes."""
        return self._reads.stage is not ReadStage.DONE

    def on_resize(self, event: events.Resize) -> None:
        event.stop()
        self.show_span()

    def forget(self) -> None:
        """Release the values that were read, because another run is selected."""
        self._stop_timer()
        self._reads.stop()
        self._reads = span_reads(self._pane.live.session, self.show_span)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None


# The waterfall, the other form of the pane `tree`. It shows where the time of the selected run went.


MAX_LEFT: Final = 50
"""For at most this many runs, the row under the cursor is remembered for the way back."""


class WaterfallPane(FoldingPane[int]):
    """The spans of the selected run and of the runs that it awaits, as bars on one axis."""

    form_sentence: ClassVar[str] = "Show the spans of the selected run on a time axis."
    needs = (TRACE,)
    view: WaterfallView | None
    drawn: WaterfallRows | None

    BINDINGS: ClassVar[list[BindingType]] = [
        bind("h,left", "fold", "fold", "Fold, or go to the parent span.", rank=12, need=16, pair=("fold", "unfold")),
        bind("l,right", "unfold", "unfold", "Unfold, or go to the first child span."),
        bind("left_parenthesis", "zoom_time(-1)", "zoom", "Show more time, in less detail.", id="more-time", rank=14,
             need=17, pair=("more-time", "less-time"),
             help=Help("look", 150, "more, less time", ("more-time", "less-time"))),
        bind("right_parenthesis", "zoom_time(1)", "zoom in", "Show less time, in more detail.", id="less-time"),
        bind("left_curly_bracket", "pan(-1)", "pan", "To earlier times.", id="earlier", rank=15, need=18,
             pair=("earlier", "later")),
        bind("right_curly_bracket", "pan(1)", "pan later", "To later times.", id="later"),
        bind("i", "engine", "engine spans", "Show the spans of the engine, or hide them.", id="engine-spans", rank=16,
             need=31, help=Help("look", 170, "spans of the engine")),
        bind("P", "path_step", "most time", "Go to the span in which most of the longest path passed; then the next.",
             id="longest-path", rank=17, need=30, help=Help("move", 90, "where most time passed")),
        bind("t", "form('tree')", "tree", "Show the runs as a tree again.", id="waterfall", rank=18, need=15),
        bind("circumflex_accent", "root", "root", "Go to the root."),
        bind("minus", "parent", "parent", "Go to the parent span."),
        bind("e", "all(True)", "all open", "Unfold everything.", id="unfold-all"),
        bind("E", "all(False)", "all closed", "Fold everything.", id="fold-all"),
    ]  # fmt: skip

    def __init__(self, live: LiveModel, title: str) -> None:
        super().__init__(live, title)
        self.facts = SpanFacts(self)
        self.view = None
        self._of: RunId | None = None
        self._elsewhere = 0
        """How many runs of the tree are not in the trace, if the tree was read."""
        self._path_step: int | None = None
        """The span to which the last step along the longest path went."""
        self._has_changed_runs = False
        self._left_at: dict[RunId, RowKey] = {}
        """The keys of the rows that the cursor was on, by run."""

    def compose(self) -> ComposeResult:
        yield from super().compose()
        yield self.facts

    def update_page(self) -> None:
        if self._has_changed_runs and self.view is not None:
            self._has_changed_runs = False
            self.view.on_runs_changed()
        self.facts.take_place()
        super().update_page()

    def on_unmount(self) -> None:
        self._forget()

    @property
    def is_ticking(self) -> bool:
        is_live = self.view is not None and self.view.placed.extents.is_live
        return is_live or self.facts.is_reading or self.selection.state_of(TRACE).is_fetching

    def rows(self, width: int) -> Sequence[PageRow]:
        view = self.view
        if view is None:
            return self.without_rows(width)
        parts = view.parts(words.columns_for(width, GUTTER), self.live.now)
        self.head.show([(Piece(" " * GUTTER), *words.axis_line(parts))])
        below: list[Line] = []
        for sentence in words.sentences(view.waterfall, self.selection.state_of(TRACE).failure, self._elsewhere):
            below += [(), *((Piece(text, Token.MUTED),) for text in wrap(sentence, width))]
        has_colors = not self.app_base.painter.is_colorless
        if len(view.shown) + len(below) + 2 <= self.page.size.height:
            kinds, states = view.waterfall.kinds, parts.extents.states
            has_unknown = any(states[each.entry] is SpanState.UNKNOWN for each in view.shown)
            has_batch = any(kinds[each.entry] is SpanKind.CALL for each in view.shown)
            legend = words.legend(width, has_unknown=has_unknown, has_batch=has_batch, has_colors=has_colors)
            below = [(), legend, *below]
        self.drawn = WaterfallRows(view, parts, below, self.selection.run_id)
        return self.drawn

    def reason_for_none(self) -> str:
        state = self.selection.state_of(TRACE)
        if state.fetched_at is not None and state.failure is None:
            return f"This run has no trace on the server.{tries_again('reads it again')}"
        return super().reason_for_none()

    def left(self) -> Line:
        name = () if self.view is None else (Piece(f" · {self.view.waterfall.root.message}", Token.MUTED),)
        return (Piece(" · waterfall", Token.MUTED), *name)

    def right(self) -> Line:
        if self.stage_of(TRACE) is ReadStage.LATE:
            return (Piece(formatting.LOADING, Token.MUTED),)
        view, read_at = self.view, self.selection.state_of(TRACE).fetched_at
        if view is None:
            return ()
        return words.extent(view.placed, len(view.tree.order), self._elsewhere, read_at, self.live.now)

    def watch_selection(self) -> None:
        """Show the trace of the selected run. The trace of another run is released at once, even while hidden."""
        placed, run_id = self.selection.state_of(TRACE).value, self.selection.run_id
        if run_id != self._of:
            self._forget()
            self._of = run_id
        if placed is not None and (self.view is None or placed.waterfall is not self.view.waterfall):
            self._show(placed)
        tree, view = self.selection.state_of(TREE).value, self.view
        nodes = () if tree is None or view is None else tree.root.walk()
        self._elsewhere = sum(node.id not in view.waterfall.run_spans for node in nodes) if view is not None else 0
        self.rebuild()

    def _show(self, placed: PlacedTrace) -> None:
        if self.view is None:
            self.view = WaterfallView(placed, lambda run_id: self.live.get(run_id))  # noqa: PLW0108  a pause replaces `live.get`
            self.page.start_over()
            self.call_later(self._restore_cursor)
        else:
            self.view.show(placed)
        self.drawn = None

    def _restore_cursor(self) -> None:
        """Put the cursor on the row where it was when the user left this run."""
        key = None if self._of is None else self._left_at.pop(self._of, None)
        if key is not None and not self.page.cursor:
            self.page.go_to(key)

    def _forget(self) -> None:
        index = self.entry
        if self._of is not None and self.view is not None and index is not None:
            self._left_at[self._of] = self.view.key_of(index)
            if len(self._left_at) > MAX_LEFT:
                del self._left_at[next(iter(self._left_at))]
        self.view = self.drawn = None
        self.facts.forget()

    def concerns(self, changes: Changes) -> bool:
        """Return whether a run of the trace changed."""
        if self.view is None:
            return False
        ids = self.view.waterfall.run_spans.keys()
        return not (ids.isdisjoint(changes.changed) and ids.isdisjoint(changes.added))

    def on_changes(self, changes: Changes) -> None:
        self._has_changed_runs = self._has_changed_runs or self.concerns(changes)
        super().on_changes(changes)

    def follow_cursor(self) -> None:
        super().follow_cursor()
        self.facts.follow()

    @property
    def target(self) -> RunId | None:
        index = self.entry
        return self.selection.run_id if self.view is None or index is None else self.view.waterfall.spans[index].run_id

    def has_use_for(self, action: str) -> bool:
        view = self.view
        match action:
            case "form":
                return True
            case "zoom_time":
                return view is not None and len(view.waterfall.spans) > 1
            case "pan":
                return view is not None and view.window is not None
            case "engine":
                return view is not None and view.waterfall.engine_count + view.waterfall.function_count > 0
            case _:
                return super().has_use_for(action)

    def action_zoom_time(self, step: int) -> None:
        if self.view is not None:
            self.view.zoom(step, self.entry, self.live.now)
            self.rebuild()
            self.refresh_bindings()

    def action_pan(self, step: int) -> None:
        if self.view is not None:
            self.view.pan(step, self.live.now)
            self.rebuild()

    def action_engine(self) -> None:
        if self.view is not None:
            entry = self.entry
            self.view.toggle_engine()
            self.refresh_near(None if entry is None else self.view.nearest_row(entry))

    def action_path_step(self) -> None:
        if self.view is None:
            return
        most = [*self.view.placed.on_path]
        at = most.index(self.entry) if self.entry in most and self.entry == self._path_step else -1
        self._path_step = most[(at + 1) % len(most)] if most else None
        if not self.go_to_entry(self._path_step):
            self.say("no span took time")
