"""Reads the attributes of opened log lines: the server sends them only with the span of a line."""

import json
from collections.abc import Callable
from typing import Final

from tui.domain.ids import RunId, SpanId
from tui.domain.traces.log_line import LogLine
from tui.present.frame.failure import without_request
from tui.present.logs.folds import Attributes
from tui.ui.data.log_follower import LogFollower
from tui.wire.errors import ApiError

MAX_KEPT: Final = 64
"""Lines whose attributes are kept, a few more than can be open."""

_READING: Final = Attributes(note="reading the attributes…")
_NONE: Final = Attributes(note="no attributes")
_WITHOUT_SPAN: Final = Attributes(note="The server sent no id for this line, so that it has no attributes.")


class LogAttributes:
    """The attributes of the lines of one run. `show` is called when those of a line have arrived."""

    def __init__(self, follower: LogFollower, show: Callable[[], None]) -> None:
        self._follower = follower
        self._show = show
        self._run_id: RunId | None = None
        self._known: dict[SpanId, Attributes] = {}

    def start_over(self, run_id: RunId | None) -> None:
        """Forget all, because another run is selected."""
        self._run_id = run_id
        self._known.clear()

    def of(self, line: LogLine) -> Attributes:
        """Return what is known about the attributes of a line."""
        if line.attributes is not None:
            return Attributes(json.loads(line.attributes))
        return self._known.get(line.span_id, _READING) if line.span_id else _WITHOUT_SPAN

    def read(self, line: LogLine) -> None:
        """Read the attributes of a line that was opened, unless they are known."""
        known, run_id = self._known.get(line.span_id), self._run_id
        if line.attributes is None and line.span_id and run_id is not None and (known is None or known.is_failure):
            self._known.pop(line.span_id, None)
            self._follower.session.spawn(self._fetch(run_id, line.span_id), f"read the span {line.span_id}")

    async def _fetch(self, run_id: RunId, span_id: SpanId) -> None:
        try:
            values = (await self._follower.read_span(run_id, span_id)).properties
            attributes = Attributes(values) if values else _NONE
        except ApiError as error:
            reason = without_request(str(error)).rstrip(".")
            attributes = Attributes(note=f"The attributes could not be read: {reason}.", is_failure=True)
        if self._run_id != run_id:
            return
        self._known[span_id] = attributes
        while len(self._known) > MAX_KEPT:
            del self._known[next(iter(self._known))]
        self._show()
