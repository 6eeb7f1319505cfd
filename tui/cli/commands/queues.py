"""`queues`: reads all queues once, and prints how full each is, what waits, and how healthy it is."""

from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import click

from tui.cli.exit_codes import ExitCode, Stop
from tui.cli.options import connection_options, json_option, settings_of
from tui.cli.sessions import open_session, run_async
from tui.output import Output
from tui.session import Session
from tui.settings import Settings

if TYPE_CHECKING:
    from tui.domain.findings.facts import QueuesRead, WaitsRead

QUERY_TIMEOUT_S: Final = 30.0


@click.command("queues")
@json_option
@connection_options
@click.pass_obj
def queues(output: Output, /, *, as_json: bool, **options: Any) -> None:
    """List the queues, worst first: running of limit, queued, the oldest wait, starts a minute, health."""
    run_async(_queues(output, settings_of(options), as_json=as_json))


async def _queues(output: Output, settings: Settings, *, as_json: bool) -> None:
    """Print the rows, then what they lack."""
    from tui.domain.findings.facts import FactSource, FactUnread, WallFacts
    from tui.domain.text import Raw
    from tui.present.printed.queues import queue_lines, queue_object
    from tui.present.queues.words import standstill_text
    from tui.sources.budget import Priority
    from tui.sources.paging import ENDLESS
    from tui.store.findings.queue_order import worst_first
    from tui.store.findings.queue_rows import queue_rows
    from tui.store.findings.standstill import standstill_of
    from tui.wire.errors import ApiError

    async with open_session(settings, output) as session:
        read, is_endless = await _read_queues_with_key(session, settings)
        waits, failure = await _read_waits(session)
        unread = (
            {} if waits else {FactSource.WAITS: FactUnread(read.at, FactSource.WAITS, Raw(failure), is_refused=False)}
        )
        facts = WallFacts(queues=read, waits=waits, unread=unread)
        with suppress(ApiError):
            await session.fetcher.fetch_environment(Priority.SELECTED)
        await session.settle()
        still = standstill_of(facts, None, session.store.environment, session.now())
        rows = sorted(queue_rows(facts, None, session.now(), still), key=worst_first)
        if as_json:
            for row in rows:
                output.json_line(queue_object(row))
        else:
            output.lines(queue_lines(rows, session.local_now(), output.width))
        if still is not None:
            words = standstill_text(still, session.now(), session.local_now())
            output.say(f"{words[0].upper()}{words[1:]}.")
        if not (rows or is_endless):
            output.say("This environment has no queues.")
        if read.is_cut and not is_endless:
            output.say(f"Only {len(rows):,} queues were read; the server has more, or some could not be read.")
        if failure and rows:
            output.say(f"How many runs wait, the oldest and the starts a minute are not known: {failure}.")
        if is_endless:
            queues = "queue" if len(rows) == 1 else "queues"
            raise Stop(ExitCode.REFUSED, f"stopped after {len(rows):,} {queues}: {ENDLESS}")


async def _read_queues_with_key(session: Session, settings: Settings) -> "tuple[QueuesRead, bool]":
    """Read the list. The server calls a public token invalid here: raise a `Stop` that says what may read it."""
    from tui.wire.errors import Refused

    try:
        return await _read_queues(session)
    except Refused as error:
        if settings.key.is_public and error.is_about_the_key:
            line = f"a public token may not read the list of queues, a secret key may ({error})"
            raise Stop(ExitCode.REFUSED, line) from None
        raise


async def _read_queues(session: Session) -> "tuple[QueuesRead, bool]":
    """Read the pages of the list. The second value says that they do not end. Raises `ApiError`."""
    from tui.domain.findings.facts import (
        MAX_QUEUES,
        QUEUES_PER_PAGE,
        ConcurrencyLimit,
        Queue,
        QueuesRead,
        with_limit,
    )
    from tui.sources.budget import Priority
    from tui.wire.errors import ApiError
    from tui.wire.findings.reader import FactReader

    lists = session.fetcher.lists
    assert lists is not None, "no command reads from a relay"
    reader, found, number, count, unreadable = FactReader(lists), dict[str, Queue](), 0, 1, 0
    while number < count and number * QUEUES_PER_PAGE < MAX_QUEUES:
        number += 1
        key = ("queues", number)
        page = await session.budget.request(key, Priority.SELECTED, partial(reader.read_queues, number))
        count, unreadable = page.page_count, unreadable + page.unreadable
        # While the pages are read, a queue may move to another one.
        found |= {queue.id: queue for queue in page.queues}
    limits: tuple[ConcurrencyLimit, ...] = ()
    if any(queue.is_v2 for queue in found.values()):
        with suppress(ApiError):
            limits = await session.budget.request("limits", Priority.SELECTED, reader.read_limits)
    queues = tuple(with_limit(queue, limits) for queue in found.values())
    # Full pages bring about as many queues, although some move from page to page meanwhile.
    is_endless = number < count and len(found) < MAX_QUEUES // 2
    read = QueuesRead(session.now(), queues, is_cut=number < count or unreadable > 0, limits=limits)
    return read, is_endless


async def _read_waits(session: Session) -> "tuple[WaitsRead | None, str]":
    """Read how the queues move. The second value says why that is not known. A key that may not query lists them."""
    import asyncio

    from tui.domain.findings.facts import WaitsRead
    from tui.sources.budget import Priority
    from tui.sources.findings.queries import read_waits
    from tui.wire.errors import ApiError
    from tui.wire.queries.queues import QueueWaitCounts

    now = session.now()
    try:
        async with asyncio.timeout(QUERY_TIMEOUT_S):
            rows = await session.fetcher.query_rows(QueueWaitCounts(now), Priority.SELECTED)
        return WaitsRead(now, read_waits(rows)), ""
    except TimeoutError:
        return None, f"no answer for {QUERY_TIMEOUT_S:.0f} s"
    except ApiError as error:
        return None, str(error).rstrip(".")


COMMANDS = (queues,)
