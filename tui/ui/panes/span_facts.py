"""The facts about the span under the cursor: below the spans where there is room, else in a strip of two lines."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from textual import events

from tui.present.read_stage import ReadStage
from tui.present.styled import Piece, Token
from tui.ui.look.styles import Background
from tui.ui.panes.base import PagePane
from tui.ui.widgets.lines import Lines

if TYPE_CHECKING:
    from tui.sources.clock import Timer
    from tui.ui.data.span_reads import SpanReads
    from tui.ui.model.waterfall.rows import WaterfallRows
    from tui.ui.model.waterfall.view import WaterfallView

DETAIL_HEIGHT: Final = 12
"""The least rows of the facts, with their rule."""

MIN_DETAIL_PANE: Final = 30
"""From this height on, the pane has room for these facts below the spans."""

MIN_STRIP_PANE: Final = 12
"""From this height on, there is a strip of two lines instead."""

SLOW_LINK_REST_S: Final = 0.4
"""On a slow link, the facts follow once the cursor has rested for this long."""

_HEAD_ROWS: Final = 2
_BELOW_SPANS: Final = 5
"""Rows of the page for the legend and for a sentence."""

SelectedSpanOf = Callable[[], "tuple[int, WaterfallRows] | None"]
"""Returns the span under the cursor and the rows that are drawn; None while the pane shows no span."""


class Foot(Lines):
    """Lines below the page. `on_sized` is called when they got their place."""

    def __init__(self, background: Background, on_sized: Callable[[], None]) -> None:
        super().__init__(background, classes="foot")
        self._on_sized = on_sized

    def on_resize(self, event: events.Resize) -> None:
        event.stop()
        self._on_sized()


class SpanFacts:
    """The two widgets of a pane that show the facts, of which at most one has a height."""

    def __init__(self, pane: PagePane, selected: SelectedSpanOf) -> None:
        self._pane = pane
        self._selected = selected
        self.detail = Foot(Background.PAGE, self.show)
        self.strip = Foot(Background.SURFACE, self.show)
        self._reads: SpanReads | None = None
        self._timer: Timer | None = None
        self._arranged = (0, 0)

    def arrange(self, height: int, view: "WaterfallView | None") -> int | None:
        """Take a place in a pane of this height. Return the rows of the page, 0 for all others; None: as before.

        The page has room for all spans, so that nothing moves when some are folded.
        """
        has_detail = height >= MIN_DETAIL_PANE
        has_strip = not has_detail and height >= MIN_STRIP_PANE
        strip_rows = (2 + self._pane.app_base.painter.needs_rules) if has_strip else 0
        page_rows = 0
        if has_detail:
            spans = 0 if view is None else len(view.tree.order)
            page_rows = min(spans + _BELOW_SPANS, height - _HEAD_ROWS - DETAIL_HEIGHT)
        if (page_rows, strip_rows) == self._arranged:
            return None
        self._arranged = page_rows, strip_rows
        self._pane.app_base.record_layout()
        self.detail.styles.height = "1fr" if page_rows else 0
        self.strip.styles.height = strip_rows
        return page_rows

    def follow(self) -> None:
        """Show the span under the cursor; on a slow link once the cursor has rested."""
        if not self._pane.app_base.is_slow_link:
            self.show()
        elif self._timer is None:
            self._timer = self._pane.live.session.clock.call_later(SLOW_LINK_REST_S, self._on_due)

    def _on_due(self) -> None:
        self._timer = None
        self.show()

    def show(self) -> None:
        """Show what is known about the span under the cursor."""
        selected = self._selected()
        if selected is None:
            self.detail.show(())
            self.strip.show(())
            return
        from tui.present.waterfall.detail import SelectedSpan, detail_lines, strip_lines  # noqa: PLC0415  not at the start
        from tui.ui.data.span_reads import SpanReads  # noqa: PLC0415  not at the start

        index, drawn = selected
        pane = self._pane
        if self._reads is None:
            self._reads = SpanReads(pane.live.session, self._on_read)
        is_stale, width, height = pane.live.now.frozen_at is not None, pane.page.size.width, self.detail.size.height
        attributes = self._reads.attributes(drawn.parts.waterfall.spans[index]) if height else ReadStage.DUE
        current = pane.selection.run_id
        span = SelectedSpan(index, drawn.look_at(index), attributes, current, run=drawn.run_at(index))
        if height:
            self.detail.show(detail_lines(span, drawn.parts, width, height), is_stale=is_stale)
        if self.strip.size.height:
            rule = [(Piece("─" * width, Token.LINE),)] if pane.app_base.painter.needs_rules else []
            self.strip.show([*rule, *strip_lines(span, drawn.parts, width)], is_stale=is_stale)

    def _on_read(self) -> None:
        if self._pane.is_attached:
            self.show()

    def forget(self) -> None:
        """Give back what was read, because another run is selected."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._reads is not None:
            self._reads.close()
