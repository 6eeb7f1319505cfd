"""Fetches the attempts of a run: from its trace, or from its events if the trace is cut, unreadable or missing.

How spans become attempts is in `domain.traces.attempts_of_trace`.

Source: tests/wire/recordings/README.md §5, recordings 1005 and 1011.
"""

from collections import OrderedDict
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from tui.domain.attempt import AttemptHistory
from tui.domain.environment import Capability
from tui.domain.errors.error import RunError
from tui.domain.ids import RunId, SpanId, TraceId
from tui.domain.run import Precision, Run, Stamp
from tui.domain.text import Raw
from tui.domain.traces.attempts_of_trace import attempts_of, needs_root_error
from tui.domain.traces.span import Events, Span, Trace
from tui.domain.update import RunPatch
from tui.domain.wait import Wait, WaitKind
from tui.lazy_dataclass import dataclass
from tui.sources.budget import Priority
from tui.wire.errors import ApiError, Refused, ServerFault

if TYPE_CHECKING:
    from tui.sources.run_fetcher import RunFetcher

REREAD_CUT_AFTER: Final = timedelta(seconds=15)
"""Between two reads of a live run whose trace is cut, since its events are up to 8 MB. A new attempt, or the end of the
run, is read at once.
"""

MAX_REMEMBERED: Final = 256
"""How many runs with a cut trace, and how many waits, are remembered. The oldest are dropped."""

_OK: Final = 200
_MAX_TRACE_ROWS: Final = 5_000
_CUT: Final = f"the trace was cut at {_MAX_TRACE_ROWS:,} rows"


@dataclass(frozen=True, slots=True)
class _CutRun:
    """The state of a run with a cut trace when its events were last read."""

    read_at: datetime
    attempt_count: int | None
    is_final: bool


@dataclass(frozen=True, slots=True)
class EarlyTrace:
    """The result of reading a trace beside the detail of its run: the trace, None if there is none, or an error."""

    trace: Trace | None = None
    failure: ApiError | None = None

    def result(self) -> Trace | None:
        """Return the trace. Raises the error."""
        if self.failure is not None:
            raise self.failure
        return self.trace


class AttemptFetcher:
    """Fetches the attempts of single runs. `reads_early` is False for a server that sends the attempts of a run."""

    def __init__(self, fetcher: "RunFetcher") -> None:
        self._fetcher = fetcher
        self.reads_early = True
        self._cut: OrderedDict[RunId, _CutRun] = OrderedDict()
        self._wait_subjects: OrderedDict[SpanId, Raw | None] = OrderedDict()

    def can_read_early(self, run: Run | None) -> bool:
        """Return whether the trace of a run may be read beside its detail: the run cannot change any more."""
        if run is None or run.state is None or not run.is_final or run.id in self._cut:
            return False
        return self.reads_early and self._fetcher.is_allowed(Capability.TRACE)

    async def read_early(self, run_id: RunId, priority: Priority) -> EarlyTrace:
        """Read the trace of a run, for `read`."""
        try:
            return EarlyTrace(await self._fetcher.fetch_trace(run_id, priority))
        except ApiError as error:
            return EarlyTrace(failure=error)

    async def read(
        self,
        run: Run,
        priority: Priority,
        read_at: datetime,
        related: Iterable[RunPatch] = (),
        early: EarlyTrace | None = None,
    ) -> RunPatch | None:
        """Return the attempts of a run whose detail was just read, None if the known ones are recent.

        `related` are the relatives in that detail; `early` is the trace if it was read beside it. Raises `ApiError` if
        neither trace nor events can be read.
        """
        known = self._cut.get(run.id)
        if known is not None and run.attempts is not None and self._is_recent(known, run):
            return None
        trace, missing = await self._trace(run, priority, early)
        root_error: RunError | None = None
        if trace is not None and needs_root_error(run, trace):
            root_error = await self._root_error(run.id, trace, priority)
        history = attempts_of(run, trace, root_error)
        if trace is None and (not self._fetcher.is_allowed(Capability.TRACE) or run.attempt_count == 0):
            history = replace(history, is_trace_gone=False)
        if history.wait is not None:
            wait = await self._with_subject(run.id, history.wait, priority)
            history = replace(history, wait=_with_children(wait, run.id, related))
        return _patch(run, replace(history, missing=missing), root_error, read_at)

    def patch_of(self, run: Run, early: EarlyTrace, read_at: datetime) -> RunPatch | None:
        """Return the attempts of a run from a trace that was read with its detail, None if they take more requests."""
        trace = early.trace
        if trace is None or trace.is_truncated or needs_root_error(run, trace):
            return None
        return _patch(run, attempts_of(run, trace), None, read_at)

    def _is_recent(self, known: _CutRun, run: Run) -> bool:
        is_same = (known.attempt_count, known.is_final) == (run.attempt_count, run.is_final)
        return is_same and not run.is_final and abs(self._fetcher.now() - known.read_at) < REREAD_CUT_AFTER

    async def _trace(self, run: Run, priority: Priority, early: EarlyTrace | None) -> tuple[Trace | None, str]:
        """Return the spans of a run, and a sentence about missing ones. A trace that was cut is not fetched again."""
        trace: Trace | None = None
        if run.id not in self._cut:
            try:
                trace = await self._fetcher.fetch_trace(run.id, priority) if early is None else early.result()
            except ServerFault as fault:
                if fault.status != _OK:
                    raise
                return await self._trace_of_events(run, priority, fault)
            if trace is None:
                return await self._trace_of_events(run, priority)
            if not trace.is_truncated:
                return trace, ""
        _remember(self._cut, run.id, _CutRun(self._fetcher.now(), run.attempt_count, run.is_final))
        try:
            events = await self._events(run.id, priority)
        except ApiError as error:
            trace = trace or await self._fetcher.fetch_trace(run.id, priority)
            return trace, f"{_CUT} and the events could not be read: {error}"
        if events.root is None:
            trace = trace or await self._fetcher.fetch_trace(run.id, priority)
            return trace, f"{_CUT} and the events do not contain the run"
        from tui.wire.traces.event_rows import MAX_EVENT_ROWS  # noqa: PLC0415  loaded when first used

        whole = Trace(TraceId("") if trace is None else trace.id, events.root)
        return whole, f"{_CUT} and the events at {MAX_EVENT_ROWS:,}" if events.may_be_cut else ""

    async def _trace_of_events(
        self, run: Run, priority: Priority, fault: ServerFault | None = None
    ) -> tuple[Trace | None, str]:
        """Return the events as a trace, for a run whose trace is missing, or unreadable because of `fault`.

        Raises the fault if the events do not contain the run.
        """
        events = Events(None)
        if run.attempt_count and self._fetcher.is_allowed(Capability.TRACE):
            with suppress(ApiError):
                events = await self._events(run.id, priority)
        if events.root is not None:
            from tui.wire.traces.event_rows import MAX_EVENT_ROWS  # noqa: PLC0415  loaded when first used

            cut = f"the events were cut at {MAX_EVENT_ROWS:,} rows" if events.may_be_cut else ""
            return Trace(TraceId(""), events.root), cut
        if fault is not None:
            raise fault
        return None, ""

    async def _events(self, run_id: RunId, priority: Priority) -> Events:
        fetcher = self._fetcher
        return await fetcher.budget.request(("events", run_id), priority, lambda: fetcher.api.read_events(run_id))

    async def _with_subject(self, run_id: RunId, wait: Wait, priority: Priority) -> Wait:
        """Return the wait with its subject, such as a token or a duration. A trace lacks it; the events have it."""
        if wait.subject is not None or wait.kind is WaitKind.RUNS:
            return wait
        if wait.span_id not in self._wait_subjects:
            try:
                events = await self._events(run_id, priority)
            except ApiError as error:
                if not isinstance(error, Refused) and getattr(error, "status", None) != _OK:
                    return wait  # the next read tries again
                events = Events(None)
            span = None if events.root is None else _find_span(events.root, wait.span_id)
            _remember(self._wait_subjects, wait.span_id, None if span is None else span.wait_subject)
        return replace(wait, subject=self._wait_subjects[wait.span_id])

    async def _root_error(self, run_id: RunId, trace: Trace, priority: Priority) -> RunError | None:
        try:
            return (await self._fetcher.fetch_span(run_id, trace.root.id, priority)).error
        except ApiError:
            return None


def _with_children(wait: Wait, run_id: RunId, related: Iterable[RunPatch]) -> Wait:
    """Return a wait for other runs with those runs. Events do not contain them; the relatives of the detail do.

    They are the children that were created since the wait started, of its task if that is known.
    """
    if wait.kind is not WaitKind.RUNS or wait.runs:
        return wait
    awaited = [
        patch
        for patch in related
        if patch.fixed is not None
        and patch.fixed.parent_id == run_id
        and patch.created_at is not None
        and patch.created_at >= wait.since
        and (wait.subject is None or str(patch.fixed.task) == wait.subject)
    ]
    open_count = sum(patch.state is not None and not patch.state.status.canonical.is_final for patch in awaited)
    tasks = {patch.fixed.task for patch in awaited if patch.fixed is not None}
    return replace(
        wait,
        runs=tuple(patch.id for patch in awaited),
        open_count=open_count,
        task=tasks.pop() if len(tasks) == 1 else None,
    )


def _find_span(root: Span, span_id: SpanId) -> Span | None:
    return next((span for span in root.walk() if span.id == span_id), None)


def _remember(known: OrderedDict, key: str, value: object) -> None:  # type: ignore[type-arg]  # values of either type
    """Keep a value as the newest of at most `MAX_REMEMBERED`."""
    known[key] = value
    known.move_to_end(key)
    while len(known) > MAX_REMEMBERED:
        known.popitem(last=False)


def _patch(run: Run, history: AttemptHistory, root_error: RunError | None, read_at: datetime) -> RunPatch:
    updated_at = run.state.updated_at if run.state is not None else read_at
    stamp = Stamp(updated_at, Precision.TRACE, read_at)
    return RunPatch(
        run.id,
        read_at,
        attempts=(stamp, history),
        error=(stamp, root_error) if root_error is not None else None,
    )
