"""The waterfall of a trace: its spans as a tree of rows, what kind each one is, and the log lines inside each.

`extent` says when each span began and ended, `longest_path` which spans decide when the root ends.
"""

import re
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from enum import Enum
from typing import Final

from tui.domain.ids import RunId, SpanId
from tui.domain.traces.span import Span, Trace
from tui.lazy_dataclass import dataclass

SLICE_SPANS: Final = 250
"""Spans that are placed in one slice, which takes about a millisecond."""

ROOT: Final = 0
"""The index of the root span."""

_ATTEMPT: Final = re.compile(r"Attempt [1-9][0-9]{0,8}\Z")
_DELAY: Final = re.compile(r"Retry #[1-9][0-9]{0,8} delay\Z")
_WAIT: Final = re.compile(r"wait\.\w+\(\)\Z|(?:\.in|\binputStream)\.wait(?:WithIdleTimeout)?\(\)\Z")
_AWAITED: Final = "AndWait()"
_FUNCTION: Final = "run()"
_DEQUEUED: Final = "[engine] PENDING_EXECUTING"
_US: Final = timedelta(microseconds=1)


class SpanKind(Enum):
    """What a span of a trace is.

    FUNCTION is the call of the task's function, which fills its attempt. CALL waits for other runs, ENGINE is an
    internal row of the server, and LOG a line that the code logged.
    """

    RUN = "run"
    ATTEMPT = "attempt"
    DELAY = "delay"
    WAIT = "wait"
    CALL = "call"
    FUNCTION = "function"
    SPAN = "span"
    ENGINE = "engine"
    LOG = "log"


RowKey = tuple[SpanId, int]
"""Identifies a span in every later trace of the same run: its id, and its number among spans of that id."""


@dataclass(slots=True, eq=False)
class Waterfall:
    """All spans of one trace, parents first, each by its index in the lists. Times are µs since the root's start.

    * `parents`: the index of the span above; -1 for the root
    * `below`: the indexes of the spans below
    * `logs`: the indexes of the log lines inside each span, in order of time
    * `dequeued`: for the root span of a run, when a worker took it; None: it did not yet
    * `run_spans`: the index of the first span of each run
    * `engine_count`, `function_count`: the spans that have rows only on request
    """

    trace: Trace
    spans: list[Span]
    parents: list[int]
    kinds: list[SpanKind]
    starts: list[int]
    keys: list[RowKey]
    below: list[list[int]]
    logs: dict[int, list[int]]
    dequeued: dict[int, int]
    run_spans: dict[RunId, int]
    engine_count: int = 0
    function_count: int = 0

    @property
    def root(self) -> Span:
        """The root span of the requested run."""
        return self.spans[ROOT]

    def moment(self, at: datetime) -> int:
        """Return a time in µs since the root's start."""
        return (at - self.root.started_at) // _US

    def awaited_runs(self, index: int) -> list[int]:
        """Return the root spans of the runs directly below a span."""
        return [each for each in self.below[index] if self.kinds[each] is SpanKind.RUN]

    def awaited_run(self, index: int) -> int | None:
        """Return the root span of the run that a call waits for; None if it waits for none or several."""
        if self.kinds[index] is not SpanKind.CALL:
            return None
        others = [each for each in self.below[index] if self.kinds[each] not in {SpanKind.LOG, SpanKind.ENGINE}]
        return others[0] if len(others) == 1 and self.kinds[others[0]] is SpanKind.RUN else None

    def logs_below(self, index: int) -> Iterator[int]:
        """Yield the log lines inside a span and inside everything below it."""
        pending = [index]
        while pending:
            each = pending.pop()
            yield from self.logs.get(each, ())
            pending.extend(self.below[each])


class WaterfallBuilder:
    """Places the spans of a trace in slices: one of 5,000 spans would hold up a key."""

    def __init__(self, trace: Trace) -> None:
        self._trace = trace
        self._waterfall = Waterfall(trace, [], [], [], [], [], [], {}, {}, {})

    def slices(self) -> Iterator[None]:
        """Place all spans, and yield after each slice."""
        waterfall = self._waterfall
        origin = self._trace.root.started_at
        seen: Counter[SpanId] = Counter()
        pending: list[tuple[Span, int]] = [(self._trace.root, -1)]
        while pending:
            span, parent = pending.pop()
            index = len(waterfall.spans)
            waterfall.spans.append(span)
            waterfall.parents.append(parent)
            waterfall.keys.append((span.id, seen[span.id]))
            seen[span.id] += 1
            waterfall.below.append([])
            start = (span.started_at - origin) // _US
            waterfall.starts.append(start)
            kind = _kind_of(span, None if parent < 0 else waterfall.spans[parent])
            waterfall.kinds.append(kind)
            self._place(index, parent, kind, start)
            pending.extend((child, index) for child in reversed(span.children))
            if index % SLICE_SPANS == 0:
                yield
        for logs in waterfall.logs.values():
            logs.sort(key=waterfall.starts.__getitem__)

    def waterfall(self) -> Waterfall:
        """Return the waterfall, once `slices` is exhausted."""
        return self._waterfall

    def _place(self, index: int, parent: int, kind: SpanKind, start: int) -> None:
        waterfall, span = self._waterfall, self._waterfall.spans[index]
        waterfall.run_spans.setdefault(span.run_id, index)
        waterfall.engine_count += kind is SpanKind.ENGINE
        waterfall.function_count += kind is SpanKind.FUNCTION
        if parent < 0:
            return
        if kind is SpanKind.LOG:
            waterfall.logs.setdefault(parent, []).append(index)
            return
        waterfall.below[parent].append(index)
        # A worker took the run when the engine says so. Without that row, its first attempt began.
        if waterfall.spans[parent].run_id == span.run_id and (
            kind is SpanKind.ATTEMPT or (kind is SpanKind.ENGINE and span.message.startswith(_DEQUEUED))
        ):
            waterfall.dequeued[parent] = min(start, waterfall.dequeued.get(parent, start))


def place(trace: Trace) -> Waterfall:
    """Return the waterfall of a trace, made at once."""
    builder = WaterfallBuilder(trace)
    for _ in builder.slices():
        pass
    return builder.waterfall()


def _kind_of(span: Span, above: Span | None) -> SpanKind:
    """Return the kind of a span, by its level and its name. Source: tests/wire/recordings/README.md §5, §6."""
    is_own = above is not None and above.run_id == span.run_id
    # The code's own lines of this level belong to an attempt, the engine's rows never do (recording 1204).
    if span.level == "DEBUG" and above is not None and span.attempt_number is None:
        return SpanKind.ENGINE
    if not is_own:
        return SpanKind.RUN
    if span.level != "TRACE" and not span.children:
        return SpanKind.LOG
    if _ATTEMPT.match(span.message):
        return SpanKind.ATTEMPT
    if _DELAY.match(span.message):
        return SpanKind.DELAY
    if span.message.endswith(_AWAITED):
        return SpanKind.CALL
    if span.message == _FUNCTION and above is not None and _ATTEMPT.match(above.message):
        return SpanKind.FUNCTION
    return SpanKind.WAIT if _WAIT.search(span.message) else SpanKind.SPAN
