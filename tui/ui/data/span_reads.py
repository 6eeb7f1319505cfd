"""Reads the attributes of the span under the cursor, once for each span, after the cursor has rested."""

from collections import OrderedDict
from collections.abc import Callable
from typing import Final

from tui.domain.ids import RunId, SpanId
from tui.domain.traces.span import Span
from tui.present.frame.failure import without_request
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
        self._in_flight: set[_Key] = set()
        self._wanted: Span | None = None
        self._timer: Timer | None = None

    def attributes(self, span: Span) -> SpanAttributes | None:
        """Return the attributes of a span, or None while they are not read; then they are read soon."""
        found = self._read.get(_key(span))
        if found is not None:
            self._want(None)
        elif _key(span) not in self._in_flight:
            self._want(span)
        return found

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
            self._in_flight.add(_key(span))
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
            self._in_flight.discard(key)
        self._read[key] = found
        while len(self._read) > MAX_SPANS_KEPT:
            self._read.popitem(last=False)
        self._on_read()


def _key(span: Span) -> _Key:
    return span.run_id, span.id, span.is_partial
