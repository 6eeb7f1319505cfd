"""Finds the runs of a queue by a query. A relay needs it: no row names its queue, and a relay lists no queue.

Source: tests/wire/recordings/README.md §3.
"""

from tui.domain.filters import MAX_QUERY_PERIOD
from tui.domain.ids import RunId
from tui.domain.run import Fixed
from tui.domain.text import Raw
from tui.domain.update import RunPatch, RunsRead
from tui.sources.base import Emit, KnownRuns
from tui.sources.budget import Priority
from tui.sources.run_fetcher import RunFetcher
from tui.wire.queries.queues import MAX_QUEUE_RUNS, RunsOfQueue
from tui.wire.queries.text import can_quote


async def find_queue_runs(name: str, fetcher: RunFetcher, store: KnownRuns, emit: Emit) -> str | None:
    """Emit the queue of each known run in it, and return in words how many runs it has. None: the query is refused.

    Without `task/`, a name means also the queue of the task of that name, as in a filter.
    """
    if not can_quote(name):
        return None
    days = f"{MAX_QUERY_PERIOD.days}d"
    rows = await fetcher.query(RunsOfQueue(name), Priority.VISIBLE)
    if rows is None:
        return None
    found = {
        RunId(run_id): Raw(queue)
        for row in rows
        if isinstance(run_id := row.get("run_id"), str) and isinstance(queue := row.get("queue"), str)
    }
    now = fetcher.now()
    known = {run_id: queue for run_id, queue in found.items() if store.get(run_id) is not None}
    await emit(RunsRead(tuple(RunPatch(run_id, now, fixed=Fixed(queue=queue)) for run_id, queue in known.items())))
    count = f"{'newest ' if len(found) == MAX_QUEUE_RUNS else ''}{len(found):,}"
    rest = f", {len(found) - len(known):,} not on the relay" if len(known) < len(found) else ""
    return f"queue {name}: {count} in {days}{rest}"
