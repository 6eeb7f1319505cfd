"""Finds the runs of a queue by a query. A relay needs it: no row names its queue, and a relay lists no queue.

Source: tests/wire/recordings/README.md §3.
"""

from typing import Final

from tui.domain.filters import MAX_QUERY_PERIOD, TASK_QUEUE_PREFIX
from tui.domain.ids import RunId
from tui.domain.run import Fixed
from tui.domain.text import Raw
from tui.domain.update import RunPatch, RunsRead
from tui.sources.base import Emit, KnownRuns
from tui.sources.budget import Priority
from tui.sources.run_fetcher import RunFetcher

MAX_QUEUE_RUNS: Final = 1_000
"""The newest runs of a queue that one query returns."""

_MAX_NAME_CHARS: Final = 200


async def find_queue_runs(name: str, fetcher: RunFetcher, store: KnownRuns, emit: Emit) -> str | None:
    """Emit the queue of each known run in it, and return in words how many runs it has. None: the query is refused.

    Without `task/`, a name means also the queue of the task of that name, as in a filter.
    """
    if not can_quote(name):
        return None
    days = f"{MAX_QUERY_PERIOD.days}d"
    trql = (
        f"SELECT run_id, queue FROM runs WHERE queue IN ('{name}', '{TASK_QUEUE_PREFIX}{name}') "  # noqa: S608  checked
        f"ORDER BY triggered_at DESC LIMIT {MAX_QUEUE_RUNS}"
    )
    rows = await fetcher.query(trql, days, Priority.VISIBLE)
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


def can_quote(name: str) -> bool:
    """Return whether the name of a queue can stand in a TRQL string."""
    return name.isprintable() and len(name) <= _MAX_NAME_CHARS and not set(name) & set("'\"\\`{}")
