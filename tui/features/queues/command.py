"""`queues`: reads all queues once, and prints how full each is, what waits, and how healthy it is."""

import asyncio
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from tui.api.errors import ApiError
from tui.commands.output import ExitCode, Output, Stop
from tui.domain import facts
from tui.domain.run import Json
from tui.domain.text import Raw
from tui.features.config.command import listing, open_session, read_environment, session_command
from tui.features.queues import words
from tui.features.queues.words import QUEUE_TABLE
from tui.settings.settings import Settings
from tui.store.findings.board import QueueHealth, QueueRow, queue_rows, worst_first
from tui.store.findings.bounds import standstill_of
from tui.sync.reads import ENDLESS, Priority
from tui.text import formatting
from tui.text.blocks import Now
from tui.text.json import as_json
from tui.text.styled import Line, Piece, Token
from tui.text.table import Column, Print

if TYPE_CHECKING:
    from tui.sync.session import Session

QUERY_TIMEOUT_S: Final = 30.0


@session_command("queues")
async def queues(output: Output, settings: Settings, *, as_json: bool) -> None:
    """List the queues, worst first: running of limit, queued, the oldest wait, starts a minute, health."""
    async with open_session(settings, output) as session:
        with listing(settings, "queues"):
            read, is_endless = await _read_queues(session)
        waits, failure = await _read_waits(session)
        unread = facts.FactUnread(read.at, facts.FactSource.WAITS, Raw(failure), is_refused=False)
        known = facts.WallFacts(queues=read, waits=waits, unread={} if waits else {facts.FactSource.WAITS: unread})
        still = standstill_of(known, None, await read_environment(session), session.now())
        rows = sorted(queue_rows(known, None, session.now(), still), key=worst_first)
        if as_json:
            output.json_lines(map(queue_object, rows))
        else:
            output.lines(Print(PRINTED, output.width).page(rows, session.local_now()))
        if still is not None:
            sentence = words.standstill_text(still, session.now(), session.local_now())
            output.say(f"{sentence[0].upper()}{sentence[1:]}.")
        if failure and rows:
            output.say(f"The queued runs, the oldest wait and the starts per minute are not known: {failure}.")
        if is_endless:
            raise Stop(ExitCode.REFUSED, f"stopped after {formatting.plural(len(rows), 'queue')}: {ENDLESS}")
        if not rows:
            output.say("This environment has no queues.")
        if read.is_cut:
            output.say(f"Only {len(rows):,} queues are listed; the server has more, or some could not be read.")


async def _read_queues(session: "Session") -> tuple[facts.QueuesRead, bool]:
    """Read the pages of the list. The second value says that they do not end. Raises `ApiError`."""
    from tui.api.facts import LIMITS, QUEUES  # noqa: PLC0415

    read_list = session.fetcher.read_list
    rows, is_cut, paging = await read_list(QUEUES, None)
    # While the pages are read, a queue may move to another one.
    found = {queue.id: queue for queue in rows}
    limits: list[facts.ConcurrencyLimit] = []
    if any(queue.is_v2 for queue in rows):
        with suppress(ApiError):
            limits, *_ = await read_list(LIMITS, None)
    queues = tuple(facts.with_limit(queue, limits) for queue in found.values())
    # Full pages bring about as many queues, although some move from page to page meanwhile.
    is_endless = paging.is_endless and len(found) < facts.MAX_QUEUES // 2
    return facts.QueuesRead(session.now(), queues, is_cut=is_cut, limits=tuple(limits)), is_endless


async def _read_waits(session: "Session") -> tuple[facts.WaitsRead | None, str]:
    """Read how the queues move. The second value says why that is not known. A key that may not query lists them."""
    from tui.api.queries import QueueWaitCounts  # noqa: PLC0415
    from tui.sync.fact_readers import read_waits  # noqa: PLC0415

    now = session.now()
    try:
        async with asyncio.timeout(QUERY_TIMEOUT_S):
            rows = await session.fetcher.query_rows(QueueWaitCounts(now), Priority.SELECTED)
        return facts.WaitsRead(now, read_waits(rows)), ""
    except TimeoutError:
        return None, f"no answer within {QUERY_TIMEOUT_S:.0f} s"
    except ApiError as error:
        return None, str(error).rstrip(".")


COMMANDS = (queues,)


# The queues that `queues` prints: as a table for people, and as JSON objects of raw values.


HEALTHY: Final = "ok"
"""The word of `--json` for a queue of which nothing is wrong. The table leaves the cell empty."""


def queue_object(row: QueueRow) -> dict[str, Json]:
    """Return a queue with every key of `queues --json`, None where its value is not known.

    * `type`: `task` for the queue of a task, otherwise `custom`
    * `oldestQueuedAt`, `oldestRunId`: of the run that waits longest, without delayed ones
    * `queued`, `queuedAtLeast`: how many wait; where the waits were not read, only the list's number is known, which
      does not count the runs that were handed to a worker
    * `startedPerMin`: of the last minute
    * `holders`: the tasks whose runs execute and hold the places of the queue
    * `standstill`: why no run starts, whatever the limit: `queue-paused`, `environment-paused` or `no-worker`
    * `health`: `at its limit`, `paused`, `late` (the oldest waits over a minute), `busy` (over 80 %) or `ok`; None
      where nothing is wrong as far as it is known, and the waits were not read
    """
    healthy = HEALTHY if row.are_waits_read else None
    holders = ({"task": each.task, "runs": each.runs, "longestSince": as_json(each.since)} for each in row.holders)
    return {
        "name": row.name,
        "type": "task" if row.is_task else "custom",
        "running": row.running,
        "limit": row.limit,
        "queued": None if row.is_least else row.queued,
        "queuedAtLeast": row.queued if row.is_least else None,
        "paused": row.is_paused,
        "oldestQueuedAt": as_json(row.oldest_at),
        "oldestRunId": row.oldest_run,
        "startedPerMin": row.started_per_min,
        "holders": list(holders) if row.are_waits_read else None,
        "standstill": None if row.standstill is None else row.standstill.reason.value,
        "health": healthy if row.health is QueueHealth.FINE else row.health.value,
    }


def _queued(row: QueueRow, now: Now, width: int) -> Line:
    return (Piece("0", Token.MUTED),) if row.queued == 0 else _SHOWN["queued"].cell(row, now, width)


_SHOWN: Final = {column.id: column for column in QUEUE_TABLE.columns}
PRINTED: Final = replace(
    QUEUE_TABLE,
    columns=(
        replace(_SHOWN["queue"], cut_to=12),
        Column("type", "type", lambda row, *_: (Piece("task" if row.is_task else "custom", Token.FAINT),), drop_rank=3),
        _SHOWN["running"],
        replace(_SHOWN["queued"], cell=_queued),
        replace(_SHOWN["oldest"], drop_rank=1),
        replace(_SHOWN["starts"], drop_rank=2),
        _SHOWN["health"],
    ),
)
"""The queues as `queues` prints them."""
