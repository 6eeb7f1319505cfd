"""Reads the attributes of the span under the cursor, once for each span, after the cursor has rested."""

from collections import OrderedDict
from collections.abc import Callable
from typing import Final

from tui.domain.ids import RunId, SpanId
from tui.domain.traces.span import Span
from tui.present.frame.failure import without_request
from tui.present.read_stage import SHOW_READING_AFTER, ReadStage
from tui.present.waterfall.attributes import SpanAttributes, attributes_of
from tui.session import Session
from tui.sources.budget import Priority
from tui.sources.clock import Timer
from tui.wire.errors import ApiError

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
