"""The trace of a run as a tree of spans: the attempts and waits in it, and its waterfall."""

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import field, replace
from datetime import datetime, timedelta
from enum import Enum
from typing import Any, Final, NamedTuple, Self

from tui.domain.error import RunError
from tui.domain.run import (
    Attempt,
    AttemptHistory,
    AttemptStatus,
    Json,
    Run,
    RunId,
    RunStatus,
    SpanId,
    TaskId,
    Wait,
    WaitKind,
)
from tui.domain.text import Raw
from tui.lazy_dataclass import dataclass

# `domain.tree` interprets traces too. Source: tests/wire/recordings/README.md §5.


class Walked:
    """Something with others of its kind below it."""

    __slots__ = ()
    children: Sequence[Any]

    def walk(self) -> Iterator[Self]:
        """Yield this one and all below it, parents first, in order. Not recursive: some are nested deeply."""
        pending = [self]
        while pending:
            each = pending.pop()
            yield each
            pending.extend(reversed(each.children))


@dataclass(frozen=True, slots=True)
class Span(Walked):
    """One span or log line of a trace.

    * `message`: the name of the span. A run's root span has the task id, an attempt has `Attempt 2`.
    * `is_partial`: the span is still open. `duration` is zero until it ends.
    * `duration`: None if the server sent none that can be read
    * `level`: TRACE for spans, DEBUG for internals of the engine and for debug lines, otherwise a log level.
    * `exception`: the last event named `exception`.
    * `attempt_number`: set on attempts and all spans below them.
    * `wait_subject`: what a wait span waits for: the token, the duration or the task. The dashboard shows it beside the
      span's name. Only `/events` returns it.
    """

    id: SpanId
    run_id: RunId
    message: Raw
    started_at: datetime
    duration: timedelta | None = None
    level: str = "TRACE"
    is_error: bool = False
    is_partial: bool = False
    is_cancelled: bool = False
    attempt_number: int | None = None
    exception: RunError | None = None
    children: tuple["Span", ...] = field(default=(), repr=False)
    wait_subject: Raw | None = None

    @property
    def ended_at(self) -> datetime | None:
        """The end of the span, or None while it is open or if it is not known."""
        return None if self.is_partial or self.duration is None else self.started_at + self.duration


@dataclass(frozen=True, slots=True)
class Trace:
    """The response of `/trace`, or that of `/events` with the spans that attempts need. `root` is the run's root span.

    * `is_truncated`: the server left out all rows after the first 5,000; or it may have left out events
    * `received`: the number of spans that came, with the unreadable ones
    * `unreadable`: the number of spans that are not in the tree, because they have no id, name or time
    """

    root: Span
    is_truncated: bool = False
    received: int = 0
    unreadable: int = 0


def span_of_run(trace: Trace, run_id: RunId) -> Span | None:
    """Return the root span of a run, in its own trace or in the trace of an ancestor; None if the trace lacks it.

    All other spans of the run are below it, so that it comes first in `walk`.
    """
    return next((span for span in trace.root.walk() if span.run_id == run_id), None)


@dataclass(frozen=True, slots=True)
class SpanDetail:
    """The detail of one span, with the fields that `/trace` leaves out.

    On a run's root span, `error` has the real message of a crash. `properties` are the attributes of a log line.
    Source: tests/wire/recordings/README.md §5.
    """

    error: RunError | None = None
    properties: dict[str, Json] = field(default_factory=dict)


# Finds the current wait of a run: an open span in its trace that has the name of one of the SDK's wait functions.
#
# Source: tests/wire/recordings/README.md §5.


_TOKEN: Final = "wait.forToken()"  # noqa: S105  the name of a span
_TIMES: Final = frozenset({"wait.for()", "wait.until()"})
_RUNS: Final = re.compile(r"AndWait\(\)\Z")
_INPUT: Final = re.compile(r"(?:\.in|\binputStream)\.wait(?:WithIdleTimeout)?\(\)\Z")
"""`inputStream.wait()` and `sessions.open(…).in.wait()`, from the source of the SDK; no recording has them."""


def wait_of(attempt: Span | None) -> Wait | None:
    """Return the innermost open wait of an attempt, which is the one that began last, or None.

    The waits of child runs in the same trace do not count.
    """
    if attempt is None or not attempt.is_partial:
        return None
    own = [span for span in attempt.walk() if span.run_id == attempt.run_id and span.is_partial]
    waits = sorted((span for span in own if _wait_kind(span) is not None), key=lambda span: span.started_at)
    if not waits or (kind := _wait_kind(latest := waits[-1])) is None:
        return None
    below = [child for child in latest.children if child.run_id != latest.run_id and child.level != "DEBUG"]
    tasks = {child.message for child in below}
    runs, open_count = tuple(child.run_id for child in below), sum(child.is_partial for child in below)
    task = TaskId(tasks.pop()) if len(tasks) == 1 else None
    return Wait(kind, latest.started_at, latest.id, latest.wait_subject, runs, open_count, task)


def _wait_kind(span: Span) -> WaitKind | None:
    if span.level == "DEBUG":
        return None
    if span.message == _TOKEN:
        return WaitKind.TOKEN
    if span.message in _TIMES:
        return WaitKind.TIME
    if _INPUT.search(span.message):
        return WaitKind.INPUT
    return WaitKind.RUNS if _RUNS.search(span.message) else None


# Rebuilds the attempts of a run from its trace, since the REST API of current servers does not return them.
#
# An attempt is a span named `Attempt N`; the delay before a retry is a span named `Retry #N delay`. After a crash the
# span of the last attempt stays open for ever. Its end is then taken from the run.
# Source: tests/wire/recordings/README.md §4, §5.


_ATTEMPT = re.compile(r"Attempt ([1-9][0-9]{0,8})\Z")
_DELAY = re.compile(r"Retry #([1-9][0-9]{0,8}) delay\Z")
# The error code of a run that the user canceled. All other codes are failures.
_CANCELED_BY_USER = "TASK_RUN_CANCELLED"


def needs_root_error(run: Run, trace: Trace | None) -> bool:
    """Return whether the error message of the run must be read from the detail of its root span.

    After a crash, a timeout, an uncaught exception, a lost worker or a system failure, REST returns only an error code.
    Source: tests/wire/recordings/README.md §5.
    """
    error = _error_of_last_attempt(run, None)
    return error is not None and error.has_code_only and trace is not None and span_of_run(trace, run.id) is not None


def attempts_of(run: Run, trace: Trace | None, root_error: RunError | None = None) -> AttemptHistory:
    """Rebuild the attempts of a run from its own trace or from the trace of an ancestor.

    The detail of the run must have been read. `trace` None: the server has no trace (404). `root_error` is the error of
    the run's root span, see `needs_root_error`. If the run counts more attempts than the trace shows, the last one is
    added without an id: the trace may be late, cut or deleted. An attempt that ended at an unknown time has no
    `completed_at`.
    """
    root = None if trace is None else span_of_run(trace, run.id)
    spans, delays = _numbered(root, _ATTEMPT), _numbered(root, _DELAY)
    last = max(run.attempt_count or 0, *spans, 0)
    attempts: list[Attempt] = []
    ending = _ending(run, root, last, root_error)
    for number in sorted({*spans, last} - {0}, reverse=True):
        span, ending = spans.get(number), replace(ending, number=number)
        if number == 1 and run.state is not None:
            ending = replace(ending, started_at=run.state.started_at)
        attempts.append(_attempt(ending, span, delays.get(number)))
        # Without any sign of its end, the attempt before this one ended when this one began.
        following_at = None if span is None else span.started_at
        ending = Attempt(0, AttemptStatus.FAILED, completed_at=following_at)
    newest_delay = max(delays, default=0)
    return AttemptHistory(
        attempts=tuple(reversed(attempts)),
        retry_at=delays[newest_delay].ended_at if newest_delay >= max(last, 1) and not run.is_final else None,
        # Just after the trigger there is no trace yet: no attempt is lost then.
        is_trace_gone=trace is None and (run.is_final or last > 0),
        wait=None if run.is_final else wait_of(spans.get(last)),
    )


def _numbered(root: Span | None, pattern: re.Pattern[str]) -> dict[int, Span]:
    """Return the direct children of a run's root span whose name matches `pattern`, by the number in the name.

    Of two spans with the same number a closed one wins, then the later one.
    """
    found: dict[int, Span] = {}
    if root is None:
        return found
    for span in sorted(root.children, key=lambda span: (not span.is_partial, span.started_at)):
        match = pattern.match(span.message)
        if match is not None and span.run_id == root.run_id and span.attempt_number in {None, int(match[1])}:
            found[int(match[1])] = span
    return found


def _attempt(ending: Attempt, span: Span | None, delay: Span | None) -> Attempt:
    """Complete an attempt, whose end others tell, by its own span and by the retry delay after it."""
    status, completed_at, error = ending.status, ending.completed_at, None if span is None else span.exception
    if span is not None and not span.is_partial:
        status, completed_at = _status_of(span), span.ended_at
    elif delay is not None:
        status, completed_at = AttemptStatus.FAILED, delay.started_at
    if ending.error is not None and error is None and delay is None:
        status, error = ending.status, ending.error
    retry_delay = None if delay is None or delay.is_partial else delay.duration
    attempt = replace(ending, status=status, completed_at=completed_at, error=error, retry_delay=retry_delay)
    if span is None:
        return attempt
    # The clocks of worker and server differ: otherwise a duration could be negative.
    completed_at = None if completed_at is None else max(completed_at, span.started_at)
    return replace(attempt, id=span.id, started_at=span.started_at, completed_at=completed_at)


def _status_of(span: Span) -> AttemptStatus:
    if span.is_cancelled:
        return AttemptStatus.CANCELED
    return AttemptStatus.FAILED if span.is_error or span.exception is not None else AttemptStatus.COMPLETED


def _ending(run: Run, root: Span | None, last: int, root_error: RunError | None) -> Attempt:
    """Return the end of the last attempt according to the run, for a trace that does not show it."""
    if run.state is None or not run.is_final:
        # The trace may be newer than the run, and show an attempt that the run does not count yet.
        is_over = run.is_waiting_to_retry and last <= (run.attempt_count or 0)
        return Attempt(last, AttemptStatus.FAILED if is_over else AttemptStatus.EXECUTING)
    if run.status is RunStatus.COMPLETED_SUCCESSFULLY:
        status = AttemptStatus.COMPLETED
    else:
        status = AttemptStatus.CANCELED if run.status is RunStatus.CANCELLED else AttemptStatus.FAILED
    at = run.state.finished_at or (None if root is None else root.ended_at)
    return Attempt(last, status, completed_at=at, error=_error_of_last_attempt(run, root_error))


def _error_of_last_attempt(run: Run, root_error: RunError | None) -> RunError | None:
    """Return the run's error if it ended the last attempt, which an expiry or a cancel by the user did not."""
    run_error = run.error_value
    if run.status.is_failed:
        return root_error or run_error
    # The server cancels a run whose worker was lost.
    codes = {error.code for error in (run_error, root_error) if error is not None} - {None, _CANCELED_BY_USER}
    return (root_error or run_error) if codes and run.status is RunStatus.CANCELLED else None


# The waterfall of a trace: its spans as a tree of rows, what kind each one is, and the log lines inside each.
#
# `Extents` say when each span began and ended, `longest_path` which spans decide when the root ends.


ROOT: Final = 0
"""The index of the root span."""

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

    To place a trace of 5,000 spans takes 30 ms, for which a thread is used where a key may come.

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

    def __post_init__(self) -> None:
        """Place all spans."""
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
            state, end = SpanState.ENDED, starts[index] + durations[index]
            if kinds[index] is SpanKind.DELAY and states[parent] is SpanState.ENDED:
                # A delay is planned. A run that is canceled meanwhile does not wait for its end.
                end = max(min(end, ends[parent]), starts[index])
        else:
            known = run_ends(span.run_id) if kinds[index] is SpanKind.RUN else None
            is_below_running = parent < 0 or states[parent] is SpanState.RUNNING
            state, end = SpanState.UNKNOWN, seen[index]
            if known is not None and known.is_final:
                if known.finished_at is not None:
                    state, end = SpanState.ENDED, max(end, waterfall.moment(known.finished_at))
            elif (known is not None or (is_below_running and span.is_partial)) and index not in followed_at:
                state = SpanState.RUNNING
            else:
                end = max(end, followed_at.get(index, last if parent < 0 else ends[parent]))
        states.append(state)
        ends.append(end)
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

NEVER_US: Final = 1 << 62
_IGNORED: Final = frozenset({SpanKind.LOG, SpanKind.ENGINE})


def longest_path(waterfall: Waterfall, extents: Extents) -> dict[int, int]:
    """Return the indexes of the spans on the longest path, with the root, and the microseconds of it that passed in
    each but in none below. Those of the span that is still running are counted until `NEVER_US`. Never recursive.
    """
    ends = [
        NEVER_US if state is SpanState.RUNNING else end for state, end in zip(extents.states, extents.ends, strict=True)
    ]
    found = dict[int, int]()
    pending = [(ROOT, ends[ROOT])]
    while pending:
        above, moment = pending.pop()
        below = _last_to_end(waterfall, ends, above, moment)
        begun = waterfall.starts[above]
        passed_below = (until - max(begun, waterfall.starts[index]) for index, until in below)
        found[above] = moment - begun - sum(took for took in passed_below if took > 0)
        pending += below
    return found


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
    """The spans that have rows, by their index in the waterfall.

    * `order`: all of them, parents first
    * `below`: the spans whose rows stand below a span's
    * `above`: the span whose row stands above; -1 for the root
    * `logs`: the log lines that are marks in the bar of a span
    * `calls`: for the root span of a run, the call without a row that waits for it
    """

    waterfall: Waterfall
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

    def __post_init__(self) -> None:
        """Fill the tree. Never recursive."""
        waterfall, pending = self.waterfall, [ROOT]
        while pending:
            index = pending.pop()
            self.order.append(index)
            self.logs[index] = list(waterfall.logs.get(index, ()))
            # The server's order is not that of time. Spans that start together keep it.
            rows = waterfall.below[index] if self.with_engine else self._rows_below(index)
            below = self.below[index] = sorted(rows, key=waterfall.starts.__getitem__)
            for each in below:
                self.above[each] = index
            pending.extend(reversed(below))

    def _rows_below(self, index: int) -> list[int]:
        """Return the rows below a span where the engine's spans have none."""
        waterfall, found = self.waterfall, list[int]()
        pending = list(reversed(waterfall.below[index]))
        while pending:
            each = pending.pop()
            kind = waterfall.kinds[each]
            if kind is SpanKind.FUNCTION:
                self.logs[index] += waterfall.logs.get(each, ())
                pending.extend(reversed(waterfall.below[each]))
            elif kind is SpanKind.CALL and (run := waterfall.awaited_run(each)) is not None:
                self.calls[run] = each
                found.append(run)
            elif kind is not SpanKind.ENGINE:
                found.append(each)
        return found


# A trace with its rows, ends and longest path. These take long to compute, so they are kept.


GetRun = Callable[[RunId], Run | None]
"""Returns a run from the store."""


@dataclass(frozen=True, slots=True, eq=False)
class PlacedTrace:
    """A waterfall with its rows, ends and longest path. `tree` leaves the engine's spans out. `known_ends` is what the
    store knew about the runs that the trace shows as open. `on_path` has the microseconds of the path that passed in a
    row but in none below, the most first; they are as those of `longest_path`.
    """

    waterfall: Waterfall
    tree: RowTree
    extents: Extents
    path: Collection[int]
    known_ends: dict[RunId, RunEnd]
    on_path: Mapping[int, int]


def known_ends_of(waterfall: Waterfall, get_run: GetRun) -> dict[RunId, RunEnd]:
    """Return what the store knows of the runs that the trace shows as open."""
    runs = (get_run(run_id) for run_id, at in waterfall.run_spans.items() if waterfall.spans[at].is_partial)
    return {run.id: RunEnd(run.is_final, run.state.finished_at) for run in runs if run and run.state}


def placed_trace(waterfall: Waterfall, tree: RowTree, known: dict[RunId, RunEnd]) -> PlacedTrace:
    """Compute the ends and the longest path of a trace."""
    extents = extents_of(waterfall, known.get)
    path = longest_path(waterfall, extents)
    above = {each: index for index in path for each in waterfall.below[index]}
    on_path = Counter[int]()
    for index, took in path.items():
        while index not in tree.above:  # a span without a row is a part of the one above it
            index = above[index]  # noqa: PLW2901
        on_path[index] += took
    by_time = {index: took for index, took in on_path.most_common() if took > TOLERANCE_US}
    return PlacedTrace(waterfall, tree, extents, path.keys(), known, by_time)
