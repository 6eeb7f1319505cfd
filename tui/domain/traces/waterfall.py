"""The waterfall of a trace: rows as a tree, the extent of each span, and the longest path."""

import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import field
from datetime import datetime, timedelta
from enum import Enum
from typing import Final, NamedTuple

from tui.domain.ids import RunId, SpanId
from tui.domain.traces.span import Span, Trace
from tui.lazy_dataclass import dataclass

# The waterfall of a trace: its spans as a tree of rows, what kind each one is, and the log lines inside each.
#
# `Extents` say when each span began and ended, `longest_path` which spans decide when the root ends.


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

    It is empty until `slices` has placed the spans: one slice for a trace of 5,000 would hold up a key.

    * `parents`: the index of the span above; -1 for the root
    * `below`: the indexes of the spans below
    * `logs`: the indexes of the log lines inside each span, in order of time
    * `dequeued`: for the root span of a run, when a worker took it; None: it did not yet
    * `run_spans`: the index of the first span of each run
    * `engine_count`, `function_count`: the spans that have rows only on request
    """

    trace: Trace
    spans: list[Span] = field(default_factory=list)
    parents: list[int] = field(default_factory=list)
    kinds: list[SpanKind] = field(default_factory=list)
    starts: list[int] = field(default_factory=list)
    keys: list[RowKey] = field(default_factory=list)
    below: list[list[int]] = field(default_factory=list)
    logs: dict[int, list[int]] = field(default_factory=dict)
    dequeued: dict[int, int] = field(default_factory=dict)
    run_spans: dict[RunId, int] = field(default_factory=dict)
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

    def slices(self) -> Iterator[None]:
        """Place all spans, and yield after each slice."""
        origin = self.trace.root.started_at
        seen: Counter[SpanId] = Counter()
        pending: list[tuple[Span, int]] = [(self.trace.root, -1)]
        while pending:
            span, parent = pending.pop()
            index = len(self.spans)
            self.spans.append(span)
            self.parents.append(parent)
            self.keys.append((span.id, seen[span.id]))
            seen[span.id] += 1
            self.below.append([])
            self.starts.append((span.started_at - origin) // _US)
            self.kinds.append(_kind_of(span, None if parent < 0 else self.spans[parent]))
            self._place(index, parent)
            pending.extend((child, index) for child in reversed(span.children))
            if index % SLICE_SPANS == 0:
                yield
        for logs in self.logs.values():
            logs.sort(key=self.starts.__getitem__)

    def _place(self, index: int, parent: int) -> None:
        span, kind, start = self.spans[index], self.kinds[index], self.starts[index]
        self.run_spans.setdefault(span.run_id, index)
        self.engine_count += kind is SpanKind.ENGINE
        self.function_count += kind is SpanKind.FUNCTION
        if parent < 0:
            return
        if kind is SpanKind.LOG:
            self.logs.setdefault(parent, []).append(index)
            return
        self.below[parent].append(index)
        # A worker took the run when the engine says so. Without that row, its first attempt began.
        if self.spans[parent].run_id == span.run_id and (
            kind is SpanKind.ATTEMPT or (kind is SpanKind.ENGINE and span.message.startswith(_DEQUEUED))
        ):
            self.dequeued[parent] = min(start, self.dequeued.get(parent, start))


def place(trace: Trace) -> Waterfall:
    """Return the waterfall of a trace, made at once."""
    waterfall = Waterfall(trace)
    for _ in waterfall.slices():
        pass
    return waterfall


def _kind_of(span: Span, above: Span | None) -> SpanKind:
    """Return the kind of a span, by its level and its name. Source: tests/wire/recordings/README.md §5, §6."""
    # The code's own lines of this level belong to an attempt, the engine's rows never do (recording 1204).
    if span.level == "DEBUG" and above is not None and span.attempt_number is None:
        return SpanKind.ENGINE
    if above is None or above.run_id != span.run_id:
        return SpanKind.RUN
    if span.level != "TRACE" and not span.children:
        return SpanKind.LOG
    if _ATTEMPT.match(span.message):
        return SpanKind.ATTEMPT
    if _DELAY.match(span.message):
        return SpanKind.DELAY
    if span.message.endswith(_AWAITED):
        return SpanKind.CALL
    if span.message == _FUNCTION and _ATTEMPT.match(above.message):
        return SpanKind.FUNCTION
    return SpanKind.WAIT if _WAIT.search(span.message) else SpanKind.SPAN


# When each span of a waterfall began and ended, and whether its end is known.
#
# A span without an end runs only while its run does. In a run that has ended its end is unknown: after a crash the
# spans of the last attempt stay open for ever, and the rows of a child run after the end of the requested run never
# come. The end of a closed span is unknown too if the server sent no readable duration.
# Source: tests/wire/recordings/README.md §5, §6.


class SpanState(Enum):
    """Whether a span has ended, runs, or ended at an unknown moment."""

    ENDED = "ended"
    RUNNING = "running"
    UNKNOWN = "unknown"


class RunEnd(NamedTuple):
    """What is known of a run besides its trace. `finished_at` may be unknown for a run that has ended."""

    is_final: bool
    finished_at: datetime | None = None


_US: Final = timedelta(microseconds=1)

RunEnds = Callable[[RunId], RunEnd | None]
"""Returns what is known of a run; None if nothing is."""


@dataclass(slots=True, eq=False)
class Extents:
    """The states and ends of all spans of a waterfall, by index. Times are µs since the root's start.

    * `ends`: of a span that has ended, its end; of a running one, the last sign of it; where the end is unknown, the
      latest moment at which it can have been
    * `seen`: the last sign of each span and of everything below it
    * `first`, `last`: the earliest start, and the latest known moment
    """

    states: list[SpanState]
    ends: list[int]
    seen: list[int]
    first: int
    last: int

    @property
    def is_live(self) -> bool:
        """Whether the requested run has not ended."""
        return self.states[ROOT] is SpanState.RUNNING

    def end(self, index: int, now: int) -> int:
        """Return the end of a span; while it runs, `now` or its last sign."""
        return max(now, self.ends[index]) if self.states[index] is SpanState.RUNNING else self.ends[index]


def extents_of(waterfall: Waterfall, run_ends: RunEnds = lambda _: None) -> Extents:
    """Return when the spans of a waterfall ended. Linear in their number, and never recursive."""
    spans, starts, parents, kinds = waterfall.spans, waterfall.starts, waterfall.parents, waterfall.kinds
    durations = [0 if span.duration is None else max(0, span.duration // _US) for span in spans]
    # Planned delays and the engine's rows say nothing about when a span was last seen at work.
    seen = [
        start if kind is SpanKind.DELAY else start + duration
        for start, duration, kind in zip(starts, durations, kinds, strict=True)
    ]
    for index in range(len(spans) - 1, 0, -1):
        if kinds[index] is not SpanKind.ENGINE:
            seen[parents[index]] = max(seen[parents[index]], seen[index])
    last = max(seen)
    states: list[SpanState] = []
    ends: list[int] = []
    followed_at = _next_attempts(waterfall)
    for index, span in enumerate(spans):
        parent = parents[index]
        if not (span.is_partial or span.duration is None):
            end = starts[index] + durations[index]
            if kinds[index] is SpanKind.DELAY and states[parent] is SpanState.ENDED:
                # A delay is planned. A run that is canceled meanwhile does not wait for its end.
                end = max(min(end, ends[parent]), starts[index])
            states.append(SpanState.ENDED)
            ends.append(end)
            continue
        known = run_ends(span.run_id) if kinds[index] is SpanKind.RUN else None
        is_below_running = parent < 0 or states[parent] is SpanState.RUNNING
        if known is not None and known.is_final:
            finished = None if known.finished_at is None else waterfall.moment(known.finished_at)
            states.append(SpanState.UNKNOWN if finished is None else SpanState.ENDED)
            ends.append(max(seen[index], starts[index] if finished is None else finished))
        elif (known is not None or (is_below_running and span.is_partial)) and index not in followed_at:
            states.append(SpanState.RUNNING)
            ends.append(seen[index])
        else:
            bound = followed_at.get(index, last if parent < 0 else ends[parent])
            states.append(SpanState.UNKNOWN)
            ends.append(max(seen[index], bound))
    return Extents(states, ends, seen, min(starts), max((last, *ends)))


def _next_attempts(waterfall: Waterfall) -> dict[int, int]:
    """Return the start of what follows each open attempt that cannot run any more: a retry delay or another attempt."""
    found: dict[int, int] = {}
    for above in waterfall.dequeued:
        later: int | None = None
        own = [each for each in waterfall.below[above] if waterfall.kinds[each] in {SpanKind.ATTEMPT, SpanKind.DELAY}]
        for each in sorted(own, key=waterfall.starts.__getitem__, reverse=True):
            if later is not None and waterfall.kinds[each] is SpanKind.ATTEMPT and waterfall.spans[each].is_partial:
                found[each] = later
            later = waterfall.starts[each]
    return found


# The longest path through a trace: the spans that decide when its root ends.
#
# It is followed backwards from the end of the root. Inside a span that lasts until a moment, the path goes through the
# span below that ended last at or before this moment; then through the one that ended last before that one began; and
# so on. Where no span below qualifies, the span itself took the time.
#
# * The first span below may also end later than the moment: it then counts until the moment.
# * Running spans end now, so they all end last. Of several that end last the one that began first is chosen, then the
#   server's order. So the path of a run that has not ended does not change by the clock alone.
# * A span that takes no time is not on the path, and neither are log lines and rows of the engine.
# * Times are compared with a tolerance of a millisecond: the server rounds starts down to milliseconds.


TOLERANCE_US: Final = 1_000

_NEVER: Final = 1 << 62
_IGNORED: Final = frozenset({SpanKind.LOG, SpanKind.ENGINE})


def longest_path(waterfall: Waterfall, extents: Extents) -> frozenset[int]:
    """Return the indexes of the spans on the longest path, with the root. Never recursive."""
    ends = [
        _NEVER if state is SpanState.RUNNING else end for state, end in zip(extents.states, extents.ends, strict=True)
    ]
    found = {ROOT}
    pending = [(ROOT, ends[ROOT])]
    while pending:
        above, moment = pending.pop()
        for index, until in _last_to_end(waterfall, ends, above, moment):
            found.add(index)
            pending.append((index, until))
    return frozenset(found)


def _last_to_end(waterfall: Waterfall, ends: list[int], above: int, moment: int) -> list[tuple[int, int]]:
    """Return the spans below one that lasts until a moment, each with the moment until which it counts."""
    starts = waterfall.starts
    candidates = [
        (min(ends[each], moment), -starts[each], -each)
        for each in waterfall.below[above]
        if waterfall.kinds[each] not in _IGNORED and starts[each] < min(ends[each], moment)
    ]
    candidates.sort(reverse=True)
    chosen: list[tuple[int, int]] = []
    for end, minus_start, minus_index in candidates:
        until = min(end, moment)
        if (not chosen or end <= moment + TOLERANCE_US) and -minus_start < until:
            chosen.append((-minus_index, until))
            moment = -minus_start
    return chosen


# Which spans of a waterfall have rows, and which row stands below which.
#
# A log line is a mark inside a bar. Without the engine's spans, two more spans have no row: the call of a task's
# function fills its attempt, and a call that waits for one run lasts as long as this run. What is below them moves up.


@dataclass(slots=True, eq=False)
class RowTree:
    """The spans that have rows, by their index in the waterfall. It is empty until `slices` has filled it.

    * `order`: all of them, parents first
    * `below`: the spans whose rows stand below a span's
    * `above`: the span whose row stands above; -1 for the root
    * `logs`: the log lines that are marks in the bar of a span
    * `calls`: for the root span of a run, the call without a row that waits for it
    """

    with_engine: bool = False
    order: list[int] = field(default_factory=list)
    below: dict[int, list[int]] = field(default_factory=dict)
    above: dict[int, int] = field(default_factory=lambda: {ROOT: -1})
    logs: dict[int, list[int]] = field(default_factory=dict)
    calls: dict[int, int] = field(default_factory=dict)

    def ancestors(self, index: int) -> Iterator[int]:
        """Yield the spans whose rows are above that of a span, the nearest first."""
        while (index := self.above[index]) >= 0:
            yield index

    def slices(self, waterfall: Waterfall) -> Iterator[None]:
        """Fill the tree, and yield after each slice. Never recursive."""
        pending = [ROOT]
        while pending:
            index = pending.pop()
            self.order.append(index)
            self.logs[index] = list(waterfall.logs.get(index, ()))
            # The server's order is not that of time. Spans that start together keep it.
            below = self.below[index] = sorted(self._rows_below(waterfall, index), key=waterfall.starts.__getitem__)
            for each in below:
                self.above[each] = index
            pending.extend(reversed(below))
            if len(self.order) % SLICE_SPANS == 0:
                yield

    def _rows_below(self, waterfall: Waterfall, index: int) -> list[int]:
        found: list[int] = []
        pending = list(reversed(waterfall.below[index]))
        while pending:
            each = pending.pop()
            kind = waterfall.kinds[each]
            if self.with_engine:
                found.append(each)
            elif kind is SpanKind.FUNCTION:
                self.logs[index] += waterfall.logs.get(each, ())
                pending.extend(reversed(waterfall.below[each]))
            elif kind is SpanKind.CALL and (run := waterfall.awaited_run(each)) is not None:
                self.calls[run] = each
                found.append(run)
            elif kind is not SpanKind.ENGINE:
                found.append(each)
        return found


def row_tree(waterfall: Waterfall, *, with_engine: bool = False) -> RowTree:
    """Return the row tree of a waterfall, built at once."""
    tree = RowTree(with_engine)
    for _ in tree.slices(waterfall):
        pass
    return tree
