"""The needs that several panes share. A need of only one pane may be in the module of that pane."""

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from tui.domain.environment import Capability
from tui.domain.ids import RunId
from tui.domain.run import Run
from tui.domain.status import RunStatus
from tui.domain.tree import RunTree, TreeNode
from tui.session import Session
from tui.store.changes import Changes
from tui.ui.model.selection import Fetched, Need
from tui.ui.model.staleness import MAY_WAIT, has_lost_a_wait, is_alone, is_live, is_trace_behind, is_trace_open

if TYPE_CHECKING:
    from tui.domain.hold import QueueState
    from tui.ui.model.waterfall.reading import TraceReading

TRACE_INTERVAL_S: Final = 3.0
"""A trace of a live run is read at most this often, and at most for MAX_TRACE_SHARE of the time."""

MAX_TRACE_SHARE: Final = 0.05

QUEUE_REST_S: Final = 0.5
TREE_REST_S: Final = 0.5
"""A tree costs several requests, so it is not fetched for every run that the cursor passes."""


async def _fetch_run(session: Session, run_id: RunId) -> Fetched[Run]:
    run, failure = await session.fetch_run_with_attempts(run_id)
    version = run.state.updated_at if run.state is not None else session.now()
    return Fetched(run, failure, version, is_lagging=is_trace_behind(run))


def _may_run_change(session: Session, run_id: RunId, _: Run | None) -> bool:
    """Return whether the run's code may be running or waiting: only the trace says which."""
    run = session.store.get(run_id)
    return run is not None and run.state is not None and run.state.started_at is not None and run.status in MAY_WAIT


def _is_run_outdated(session: Session, run_id: RunId, changes: Changes) -> bool:
    run = session.store.get(run_id)
    return run is not None and has_lost_a_wait(run, changes, session.store.get)


RUN: Final[Need[Run]] = Need(
    name="", fetch=_fetch_run, requests=2, may_change=_may_run_change, is_outdated_by=_is_run_outdated
)
"""The run with its attempts: one request for the detail, one for the trace."""


def _waits_in_queue(session: Session, run_id: RunId, _: "QueueState | None" = None) -> bool:
    run = session.store.get(run_id)
    return run is not None and run.state is not None and run.status is RunStatus.QUEUED


def _is_read(session: Session, run_id: RunId) -> bool:
    run = session.store.get(run_id)
    return run is not None and run.state is not None


async def _fetch_queue(session: Session, run_id: RunId) -> "Fetched[QueueState | None]":
    # Loaded for the first run that waits.
    from tui.domain.findings.facts import NO_FACTS  # noqa: PLC0415
    from tui.sources.queue_fetcher import QueueFetcher  # noqa: PLC0415
    from tui.store.findings.judging.slow import queue_standstill  # noqa: PLC0415
    from tui.store.findings.standstill import standstill_of  # noqa: PLC0415

    if not _is_read(session, run_id):
        # The view was opened at a run that is in no list. This shares the requests of RUN.
        await session.fetch_run_with_attempts(run_id)
    run = session.store.get(run_id)
    if run is None or not _waits_in_queue(session, run_id):
        return Fetched(None)
    store, facts = session.store, session.store.wall_facts or NO_FACTS
    state = await QueueFetcher(session.fetcher, session.emit).read_state(run, store.wall_facts)
    if state is None:
        return Fetched(None)
    still = standstill_of(facts, session.findings.own, store.environment, session.now())
    return Fetched(replace(state, standstill=queue_standstill(state.queue, facts.paused_since) or still))


def _find_queue(session: Session, run_id: RunId) -> "Fetched[QueueState | None] | None":
    """Return nothing for a run that does not wait in a queue."""
    return Fetched(None) if _is_read(session, run_id) and not _waits_in_queue(session, run_id) else None


QUEUE: Final[Need["QueueState | None"]] = Need(
    name="its queue",
    fetch=_fetch_queue,
    find=_find_queue,
    min_rest_s=QUEUE_REST_S,
    requests=2,
    may_change=_waits_in_queue,
)
"""The queue of a run that waits in it: one request, and once a query for the name of the queue."""


async def _fetch_tree(session: Session, run_id: RunId) -> Fetched[RunTree]:
    return Fetched(await session.fetch_tree(run_id))


def _find_tree(session: Session, run_id: RunId) -> Fetched[RunTree] | None:
    """Return the tree of a finished run that has no relatives."""
    run = session.store.get(run_id)
    if run is None or not is_alone(run) or session.store.children_of(run_id):
        return None
    node = TreeNode(run.id, 0, run.fixed.task, run.state.status if run.state else None, run)
    return Fetched(RunTree(node, run.id), fetched_at=run.children_read_at)


def _may_tree_change(session: Session, _: RunId, tree: RunTree | None) -> bool:
    return tree is not None and any(is_live(session.store.get(node.id), node) for node in tree.root.walk())


TREE: Final[Need[RunTree]] = Need(
    name="the tree", fetch=_fetch_tree, find=_find_tree, min_rest_s=TREE_REST_S, requests=3, may_change=_may_tree_change
)
"""All runs around the selected one, from the root down."""


async def _fetch_trace(session: Session, run_id: RunId) -> "Fetched[TraceReading]":
    from tui.ui.data.trace_reading import read_trace  # noqa: PLC0415  not needed before the waterfall is shown

    reading = await read_trace(session, run_id)
    is_lagging = reading.placed is not None and is_trace_open(session.store.get(run_id), reading.placed.waterfall.root)
    await session.settle()  # the answer may have been that the key may not read traces
    return Fetched(reading, session.store.lost_capabilities.get(Capability.TRACE), is_lagging=is_lagging)


def _may_trace_change(session: Session, run_id: RunId, reading: "TraceReading | None") -> bool:
    """Return whether the trace may have grown. A trace that costs much is read again later."""
    if reading is None:
        return False
    run = session.store.get(run_id)
    is_live = run is None or run.state is None or not run.is_final
    return is_live and session.clock.monotonic_s() - reading.ended_s >= reading.cost_s / MAX_TRACE_SHARE


TRACE: Final[Need["TraceReading"]] = Need(
    name="the trace",
    fetch=_fetch_trace,
    min_rest_s=TREE_REST_S,
    repeat_after_s=TRACE_INTERVAL_S,
    min_interval_s=TRACE_INTERVAL_S,
    may_change=_may_trace_change,
)
"""The spans of the selected run and of the runs that it awaits: one request."""
