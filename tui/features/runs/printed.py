"""Runs as `ls`, `watch` and `--json` print them."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from tui.domain.error import RunError
from tui.domain.finding import Hold
from tui.domain.run import ABSENT, Attempt, Body, Json, Run, RunId, State, Status
from tui.domain.tree import RunTree, TreeNode
from tui.text import formatting
from tui.text.json import as_json, spelled
from tui.text.status import style_of
from tui.text.styled import Line, Piece, Token, first_line, joined, pad

if TYPE_CHECKING:
    from tui.features.detail.words import Relatives

# A line of `watch` about one change: time, id, status, task, and the error of a failed run.
#
# Time, id, status and task come first, so that `awk` can split the line.


_STATUS_CELLS = 15


def transition_line(before: Run | None, after: Run, now: datetime) -> Line:
    """Return the line about a change. Its time is the server's: the end of the run, or its last update.

    `before` is the run as it was printed last, or None. A new attempt is named.
    """
    style = style_of(after)
    parts: list[Line] = [
        (Piece(formatting.moment(_changed_at(after, now), now), Token.FAINT),),
        (Piece(after.id, Token.MUTED),),
        pad((style.mark, Piece(" "), style.name), 2 + _STATUS_CELLS),
        (Piece(after.fixed.task or formatting.NONE, style.row.task),),
    ]
    attempt = after.attempt_count or 0
    if attempt > 1 and (before is None or before.attempt_count != attempt):
        parts.append((Piece(f"attempt {attempt}", Token.MUTED),))
    if after.is_waiting_to_retry:
        parts.append((Piece("waiting to retry", Token.MUTED),))
    if after.is_final and (ran := after.took(now)) is not None:
        parts.append((Piece(formatting.duration(ran), style.row.number),))
    if after.status.is_failed and (error := after.error_value):
        name = Piece(error.name or "", Token.ROSE, is_bold=True)
        message = Piece(first_line(error.message), Token.BRIGHT)
        parts.append((name, Piece(" "), message) if error.name else (message,))
    return joined(parts)


def _changed_at(run: Run, now: datetime) -> datetime:
    if (state := run.state) is None:
        return now
    return state.finished_at if run.is_final and state.finished_at else state.updated_at


# A run as a JSON object of the run schema, for `--json`: raw values, neither cleaned nor cut.
#
# An unknown value is an absent key. Only a payload or an output that the server sent as null is null. These keys are
# guaranteed in addition to the schema's fields:
#
# * of a run: `apiStatus` (the word of REST with the version header, from any source; `status` is the schema's),
#   `serverStatus` (the original word if it differs: of the feed, a query, an older server), `costInCents`,
#   `baseCostInCents`, `durationMs` (the compute time of ended attempts), `depth`, `ttl`, `delayedUntil`, `expiredAt`,
#   `idempotencyKey`, `region`, `batchId`, `triggerFunction`, `attemptCount`, `attemptsComplete` (if attempts were
#   requested; false if attempts or their errors may be missing), `attemptsMissing` (the reason in words),
#   `nextAttemptAt`, `isTraceGone` (only the last attempt is known then), `waitsFor` (of a live run: `kind` is time,
#   token, input or runs; `since`; `about` is the duration or the moment, the token, the stream or the task; `runs`; of
# a run that has not started, in `show`: `kind` is delay, version, retry, queue-paused or queue-limit;
#   `until`; `queue`; `running` and `limit`),
#   `env` (its slug), `error`, `taskKind`, `schedule`, `queue`, `machine`, `payloadPresignedUrl`, `outputPresignedUrl`;
# * of an attempt: `number`, `retryDelayMs`; of an error: `name`, `code`, `causes`; of a related run: `apiStatus`,
#   `serverStatus`.


Object = dict[str, Json]


def run_object(
    run: Run,
    *,
    around: "Relatives | None" = None,
    hold: Hold | None = None,
) -> Object:
    """Return all that is known of a run, valid by the run schema.

    Relatives that the store does not know are printed by their ids. `hold` is why the run has not started. Numbers may
    be infinite; `json.text.compact` writes them.
    """
    out: Object = {"id": run.id, "status": run.status.value, "taskIdentifier": run.fixed.task or ""}
    if run.state:
        out |= _state_keys(run.state)
    from tui.features.detail.words import fact_keys  # noqa: PLC0415  the table of `ls` does not need it

    fixed = run.fixed
    own = _known(createdAt=run.created_at, triggerFunction=fixed.trigger_function, schedule=fixed.schedule)
    out |= fact_keys(run) | own
    if run.metadata_values:
        out["metadata"] = run.metadata_values
    if run.body:
        out |= _body_keys(run.body[1])
    if run.error_value:
        out["error"] = error_object(run.error_value)
    if run.attempts:
        history = run.attempts[1]
        out["attempts"] = [_attempt_object(attempt) for attempt in history.attempts]
        out["attemptsComplete"] = history.is_complete
        out |= _known(
            attemptsMissing=history.missing or None,
            nextAttemptAt=history.retry_at,
            isTraceGone=history.is_trace_gone or None,
            waitsFor=None
            if (wait := run.wait) is None
            else _keys(wait, "kind", "since", about=wait.subject or wait.task, runs=wait.runs or None),
        )
    if hold is not None:
        out["waitsFor"] = _hold_object(hold)
    root, parent, children = around or (None, None, None)
    related = _known(
        root=_reference(root, fixed.root_id),
        parent=_reference(parent, fixed.parent_id),
        children=None if children is None else [_reference(child, child.id) for child in children],
    )
    return out | _known(relatedRuns=related or None)


def tree_objects(tree: RunTree) -> Iterator[Object]:
    """Yield the runs of a tree, parents first, each with its `depth` and with its root and parent in `relatedRuns`.

    A run whose detail was not read has the status and the times of the query or the trace.
    """
    above = {child.id: node for node in tree.root.walk() for child in node.children}
    root = _node_reference(tree.root)
    for node in tree.root.walk():
        is_read = node.run is not None and node.run.state is not None
        known = run_object(node.run) if node.run is not None and is_read else _node_reference(node) | _node_times(node)
        known["depth"] = node.depth
        if (parent := above.get(node.id)) is not None:
            known["relatedRuns"] = {"root": root, "parent": _node_reference(parent)}
        yield known


def error_object(error: RunError) -> Object:
    """Return an error with its known fields: `name`, `message`, `stack`, `code` and `causes`."""
    causes = [error_object(cause) for cause in error.causes]
    return _keys(error, "name", "message", "stack", "code", causes=causes or None)


def _state_keys(state: State) -> Object:
    return _status_keys(state.status) | _keys(
        state, "updated_at", "started_at", "finished_at", "expired_at", "delayed_until", "tags",
        durationMs=state.compute, costInCents=state.cost_cents, baseCostInCents=state.base_cost_cents,
    )  # fmt: skip


def _body_keys(body: Body) -> Object:
    values = {"payload": body.payload, "output": body.output}
    urls = {"payloadPresignedUrl": body.payload_url, "outputPresignedUrl": body.output_url}
    return {key: value for key, value in values.items() if value is not ABSENT} | _known(**urls)


def _attempt_object(attempt: Attempt) -> Object:
    error = error_object(attempt.error) if attempt.error else None
    names = ("id", "number", "status", "started_at", "completed_at")
    return _keys(attempt, *names, error=error, retryDelayMs=attempt.retry_delay)


def _hold_object(hold: Hold) -> Object:
    holders = [{"task": each.task, "runs": each.runs} for each in hold.holders]
    names = ("kind", "until", "queue", "running", "limit", "since", "may_expire_at")
    return _keys(hold, *names, holders=holders or None)


def _reference(run: Run | None, run_id: RunId | None) -> Object | None:
    if run is None:
        return None if run_id is None else {"id": run_id}
    return _known(id=run.id, taskIdentifier=run.fixed.task) | status_object(run)


def status_object(run: Run) -> Object:
    """Return the status of a run in all vocabularies; empty if it was never read."""
    return {} if run.state is None else {"status": run.status.value, **_status_keys(run.state.status)}


def _status_keys(status: Status) -> Object:
    """Return the status in the vocabulary of REST, and the original word if it differs."""
    keys: Object = {"apiStatus": status.rest_word}
    return keys if status.word == status.rest_word else keys | {"serverStatus": status.word}


def _node_reference(node: TreeNode) -> Object:
    if node.run is not None and node.run.state is not None:
        return _reference(node.run, node.id) or {}
    known: Object = {"id": node.id} | _known(taskIdentifier=node.task)
    if node.status is not None:
        known |= {"status": node.status.canonical.value, **_status_keys(node.status)}
    return known


def _node_times(node: TreeNode) -> Object:
    """Return the times of a run whose detail was not read. Without a compute time `durationMs` is the execution's."""
    if node.times is None:
        return {}
    times = node.times
    lasted = times.duration if times.compute is None else times.compute
    if lasted is None and times.started_at is not None and times.finished_at is not None:
        lasted = max(times.finished_at - times.started_at, timedelta())
    return _keys(times, "created_at", "started_at", "finished_at", durationMs=lasted)


def _keys(value: object, *names: str, **others: Any) -> Object:
    """Return the known ones of some attributes by their names in the spelling of the API, and other known values."""
    return _known(**{spelled(name): getattr(value, name) for name in names}, **others)


def _known(**values: Any) -> Object:
    return {key: as_json(value) for key, value in values.items() if value is not None}
