"""Reads of one run that somebody asked for: its detail, its attempts, its tree, where we are.

What lives here: which requests a question takes, each through the budget, each answer emitted as updates. What
the answers mean is `domain`'s; pollers are in `rest` and `single`. Source: wire/README.md §4-§6; DESIGN §4.
"""

import json
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Protocol

from tui.domain.attempt import AttemptHistory
from tui.domain.attempts_of_trace import attempts_of, needs_root_error
from tui.domain.environment import Capability, Environment
from tui.domain.error import RunError
from tui.domain.filters import RunFilters
from tui.domain.ids import Cursor, RunId, SpanId, TaskId
from tui.domain.run import Json, Precision, Run, Stamp
from tui.domain.span import SpanDetail, Trace
from tui.domain.status import read_status
from tui.domain.tree import RunTree, TreeRow, build_tree, rows_of_trace
from tui.domain.update import CapabilityLost, EnvironmentRead, RunGone, RunPatch, RunsRead
from tui.sources.base import Emit
from tui.sources.budget import Budget, Priority
from tui.store.merge import merge
from tui.wire.errors import ApiError, NotFound, Refused, ServerFault
from tui.wire.runs import Page, RunAnswer

TREE_READS = 60
"""Details that a tree may cost where queries are refused: a branch with more runs says that it is not all."""

TREE_ROWS = 5_000
"""Rows of one tree asked of TRQL, which is as many spans as a trace has at most."""


class Api(Protocol):
    """The requests that sources send; `wire.client.Client` is it."""

    async def list_runs(
        self, filters: RunFilters, *, after: Cursor | None = None, before: Cursor | None = None, size: int = 100
    ) -> Page:
        """One page of the list."""

    async def read_run(self, run_id: RunId) -> RunAnswer:
        """One run's detail with its relatives."""

    async def read_trace(self, run_id: RunId) -> Trace:
        """One run's trace."""

    async def read_span(self, run_id: RunId, span_id: SpanId) -> SpanDetail:
        """One span with its properties."""

    async def query(self, trql: str, *, period: str | None = None) -> list[dict[str, Json]]:
        """Rows of a TRQL query."""

    async def whoami(self) -> Environment:
        """Where the key leads."""

    async def fetch_presigned(self, url: str, *, max_bytes: int) -> bytes:
        """A payload or output that is stored apart."""


class Reads:
    """Asks the API about single runs, and emits what it hears."""

    def __init__(
        self,
        api: Api,
        budget: Budget,
        emit: Emit,
        now: Callable[[], datetime],
        known: Callable[[RunId], Run | None],
    ) -> None:
        """`known` looks a run up in the store; `now` is the server's time as well as we know it."""
        self.api = api
        self.budget = budget
        self._emit = emit
        self.now = now
        self._known = known
        self._lost: dict[Capability, str] = {}

    async def lose(self, capability: Capability, reason: str) -> None:
        """Stop asking for something that the key may not have, and say so once."""
        if capability not in self._lost:
            self._lost[capability] = reason
            await self._emit(CapabilityLost(capability, reason))

    def may(self, capability: Capability) -> bool:
        """Whether the server has not refused it in this session."""
        return capability not in self._lost

    async def environment(self, priority: Priority) -> bool:
        """Ask where we are; gives whether that is settled: a server in trouble may tell later.

        A public token may not ask, an old server has no such route: then the answer is that it will not say. Raises
        `ApiError` only if nobody answers at all.
        """
        environment: Environment | None = None
        try:
            environment = await self.budget.ask(("whoami",), priority, self.api.whoami)
        except ServerFault:
            return False
        except Refused as error:
            if not (error.is_about_the_key or error.status == 404):
                return False
        await self._emit(EnvironmentRead(environment, self.now()))
        return True

    async def run(self, run_id: RunId, priority: Priority) -> RunAnswer:
        """One run's detail; its relatives come along. A 404 is emitted as gone, and raised."""
        try:
            answer = await self.budget.ask(("run", run_id), priority, lambda: self.api.read_run(run_id))
        except NotFound:
            await self._emit(RunGone(run_id, self.now()))
            raise
        await self._emit(RunsRead((answer.patch, *answer.related)))
        return answer

    async def run_with_attempts(self, run_id: RunId, priority: Priority) -> tuple[Run, str | None]:
        """One run's detail with its attempts, rebuilt from its trace unless the server still sends them.

        Where the trace cannot be read the run comes without attempts, and the second value says why (DESIGN §4: the
        rest goes on). Raises `ApiError` where the detail cannot be read.
        """
        answer = await self.run(run_id, priority)
        run = merge(self._known(run_id), answer.patch)
        if answer.patch.attempts is not None:
            return run, None
        try:
            patch = await self._attempts(run, priority, answer.read_at)
        except ApiError as error:
            return run, f"the attempts are not known: {error}"
        await self._emit(RunsRead((patch,)))
        reason = self._lost.get(Capability.TRACE)
        return merge(run, patch), None if reason is None else f"earlier attempts are not known: {reason}"

    async def with_bodies(self, run: Run, *, max_bytes: int) -> Run:
        """The run with a payload and output that were stored apart fetched and put in place; the URLs go.

        Asks the object store, not the API, so it costs no budget. Raises `ApiError`.
        """
        if run.body is None:
            return run
        stamp, body = run.body
        if body.payload_url is not None:
            payload = _stored(await self.api.fetch_presigned(body.payload_url, max_bytes=max_bytes))
            body = replace(body, payload=payload, payload_url=None)
        if body.output_url is not None:
            output = _stored(await self.api.fetch_presigned(body.output_url, max_bytes=max_bytes))
            body = replace(body, output=output, output_url=None)
        return replace(run, body=(stamp, body))

    async def _attempts(self, run: Run, priority: Priority, read_at: datetime) -> RunPatch:
        trace = await self._trace(run.id, priority)
        root_error: RunError | None = None
        if trace is not None and needs_root_error(run, trace):
            root_error = await self._root_error(run.id, trace, priority)
        history = attempts_of(run, trace, root_error)
        if trace is None and (not self.may(Capability.TRACE) or run.attempt_count == 0):
            history = replace(history, is_trace_gone=False)
        return _attempts_patch(run, history, root_error, read_at)

    async def _trace(self, run_id: RunId, priority: Priority) -> Trace | None:
        if not self.may(Capability.TRACE):
            return None
        try:
            return await self.budget.ask(("trace", run_id), priority, lambda: self.api.read_trace(run_id))
        except NotFound:
            return None
        except Refused as error:
            if not (error.is_about_the_key or error.status == 404):
                raise
            await self.lose(Capability.TRACE, str(error))
            return None

    async def _root_error(self, run_id: RunId, trace: Trace, priority: Priority) -> RunError | None:
        span_id = trace.root.id
        try:
            detail = await self.budget.ask(
                ("span", run_id, span_id), priority, lambda: self.api.read_span(run_id, span_id)
            )
        except ApiError:
            return None
        return detail.error

    async def tree(self, run_id: RunId, priority: Priority) -> RunTree:
        """The whole tree around a run: by one query where the key may, else by its trace and details one by one."""
        answer = await self.run(run_id, priority)
        root_id = _root_of(answer) or run_id
        root_answer = answer if root_id == run_id else await self._maybe_run(root_id, priority)
        gathered = _Gathered()
        gathered.take(answer)
        missing: list[str] = []
        if root_answer is None:
            missing.append(f"the root {root_id} is gone")
        else:
            gathered.take(root_answer)
        created_at = gathered.created_at(root_id) or gathered.created_at(run_id)
        rows = await self._tree_by_query(root_id, created_at, priority)
        if rows is None:
            rows, reason = await self._tree_by_trace(root_id, gathered, priority)
            missing.extend(reason)
        elif len(rows) >= TREE_ROWS:
            missing.append(f"{TREE_ROWS:,} runs or more")
        return build_tree(run_id, [*gathered.rows(), *rows], gathered.runs, tuple(missing))

    async def _maybe_run(self, run_id: RunId, priority: Priority) -> RunAnswer | None:
        try:
            return await self.run(run_id, priority)
        except NotFound:
            return None

    async def _tree_by_query(
        self, root_id: RunId, created_at: datetime | None, priority: Priority
    ) -> list[TreeRow] | None:
        """All descendants of a root by TRQL (recording 834); None where the key may not, or the query failed."""
        if not self.may(Capability.QUERY):
            return None
        trql = (
            "SELECT run_id, parent_run_id, root_run_id, depth, status, task_identifier FROM runs "  # noqa: S608  quoted
            f"WHERE root_run_id = '{_quoted(root_id)}' ORDER BY depth, triggered_at LIMIT {TREE_ROWS}"
        )
        found = await self.query(trql, _period_since(created_at, self.now()), priority)
        return None if found is None else [row for row in map(_tree_row, found) if row is not None]

    async def query(self, trql: str, period: str, priority: Priority) -> list[dict[str, Json]] | None:
        """Rows of a TRQL query, or None: refused for good (401, 403: said once), or not answered this time.

        TRQL answers 400 in an outage of its store (recording 950), so that is no reason to stop asking.
        """
        if not self.may(Capability.QUERY):
            return None
        try:
            return await self.budget.ask(("query", trql, period), priority, lambda: self.api.query(trql, period=period))
        except Refused as error:
            if error.is_about_the_key or error.status == 404:
                await self.lose(Capability.QUERY, str(error))
            return None
        except ApiError:
            return None

    async def _tree_by_trace(
        self, root_id: RunId, gathered: "_Gathered", priority: Priority
    ) -> tuple[list[TreeRow], list[str]]:
        """Awaited descendants by the root's trace, the others by reading each run's children, breadth first."""
        rows: list[TreeRow] = []
        missing: list[str] = []
        trace: Trace | None = None
        try:
            trace = await self._trace(root_id, priority)
        except ApiError as error:
            missing.append(f"the trace could not be read: {error}")
        if trace is not None:
            rows = rows_of_trace(trace.root)
            if trace.is_truncated:
                missing.append("the trace was cut by the server")
        reads = 0
        pending = list(dict.fromkeys([*gathered.runs, *(row.id for row in rows)]))
        while pending:
            run_id = pending.pop(0)
            if run_id in gathered.read:
                continue
            if reads >= TREE_READS:
                missing.append(f"runs below {len(pending) + 1:,} of them were not asked for")
                break
            reads += 1
            answer = await self._maybe_run(run_id, priority)
            if answer is not None:
                gathered.take(answer)
                pending.extend(patch.id for patch in answer.related)
        return rows, missing


class _Gathered:
    """The runs that came along while a tree was read, and which of them told all their children."""

    def __init__(self) -> None:
        self.runs: dict[RunId, Run] = {}
        self.read: set[RunId] = set()

    def take(self, answer: RunAnswer) -> None:
        for patch in (answer.patch, *answer.related):
            self.runs[patch.id] = merge(self.runs.get(patch.id), patch)
        self.read.add(answer.patch.id)

    def created_at(self, run_id: RunId) -> datetime | None:
        run = self.runs.get(run_id)
        return None if run is None else run.fixed.created_at

    def rows(self) -> Iterable[TreeRow]:
        for run in self.runs.values():
            yield TreeRow(run.id, run.fixed.parent_id, run.fixed.task, run.state.status if run.state else None)


def _root_of(answer: RunAnswer) -> RunId | None:
    return answer.patch.fixed.root_id if answer.patch.fixed is not None else None


def _attempts_patch(run: Run, history: AttemptHistory, root_error: RunError | None, read_at: datetime) -> RunPatch:
    updated_at = run.state.updated_at if run.state is not None else read_at
    stamp = Stamp(updated_at, Precision.TRACE, read_at)
    return RunPatch(
        run.id,
        read_at,
        attempts=(stamp, history),
        error=(stamp, root_error) if root_error is not None else None,
    )


def _tree_row(row: dict[str, Json]) -> TreeRow | None:
    run_id, parent_id = row.get("run_id"), row.get("parent_run_id")
    task, word = row.get("task_identifier"), row.get("status")
    if not isinstance(run_id, str) or not run_id:
        return None
    return TreeRow(
        RunId(run_id),
        RunId(parent_id) if isinstance(parent_id, str) and parent_id else None,
        TaskId(task) if isinstance(task, str) else None,
        read_status(word) if isinstance(word, str) else None,
    )


def _stored(content: bytes) -> Json:
    """A stored packet as a value: JSON, the inside of `application/super+json`, or the text that it is (§4)."""
    try:
        value = json.loads(content)
    except (ValueError, RecursionError):
        return content.decode("utf-8", errors="replace")
    if isinstance(value, dict) and value.keys() == {"json", "meta"}:
        return value["json"]
    return value


def _quoted(run_id: RunId) -> str:
    """A run id inside a TRQL string: ids are ours to send on, but somebody else may have typed them."""
    return "".join(letter for letter in run_id if letter.isalnum() or letter in "_-")


def _period_since(created_at: datetime | None, now: datetime) -> str:
    """The TRQL period that surely covers a moment: whole days, one more than needed (default: a month)."""
    if created_at is None:
        return "30d"
    return f"{max(0, (now - created_at) // timedelta(days=1)) + 1}d"
