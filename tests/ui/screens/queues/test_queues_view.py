"""The queues view: its keys, its way to the runs and back, and what it says without data."""

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.support import queues
from tests.support.fleet import Fleet
from tests.support.session import public_token
from tests.support.ui.fleets import failing_fleet
from tests.support.ui.monitor import Monitored, on_monitor
from tui.domain.facts import FactSource, FactUnread
from tui.domain.text import Raw
from tui.features.queues.view import QueueDetail, QueuesEntrance, QueuesScreen
from tui.features.runs.screen import MainScreen
from tui.kit.selection import Kept
from tui.sync.session import LiveFindings

MAIL_LINE = 3
"""The first line of the list."""


@pytest.fixture(autouse=True)
def _facts_are_made_by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(LiveFindings, "watch", lambda _: lambda: None)


def view_of(monitor: Monitored) -> QueuesScreen:
    screen = monitor.app.screen
    assert isinstance(screen, QueuesScreen)
    return screen


async def opened(monitor: Monitored) -> QueuesScreen:
    """Show the queues of `tests.support.queues`, the selected one as read."""
    at = monitor.session.now()
    for update in queues.queue_updates(at):
        await monitor.session.emit(update)
    await monitor.later()
    read_s = monitor.session.clock.monotonic_s()
    detail = QueueDetail(queues.mail_metrics(at), queues.mail_hour(at))
    entrance = monitor.screen.view_named("queues")
    assert isinstance(entrance, QueuesEntrance)
    assert entrance.rows.selected is not None
    entrance.rows.selected._kept["task/send-email"] = Kept(detail, "", False, False, read_s)
    await monitor.press("Q")
    return view_of(monitor)


@on_monitor(failing_fleet)
async def test_key_opens_the_queues_worst_first(monitor: Monitored) -> None:
    await opened(monitor)
    assert "1:queues · worst first" in monitor.lines[1]
    assert "30 running · 304 queued · read " in monitor.lines[1]
    row = monitor.lines[MAIL_LINE]
    assert row.startswith("▌ ○ send-email ")
    assert row.split()[-8:] == ["20/20", "301", "11m", "14", "1,204", "at", "its", "limit"]
    assert monitor.lines[MAIL_LINE + 10].strip() == "8 more, empty"
    for words in (
        "since     13:38, for 22m  at its limit 20/20",
        "blocked   by its own limit, 20 of 20 slots: 20 send-campaign, longest 2m",
        "why       runs of send-campaign normally take 45m (p95)  3 failed",
        "shrinks   no: 27 new runs, 14 started in the last minute",
        "oldest    run_cmwvpc4r101d29f7dk0s8m41x  queued 13:49:0",
    ):
        assert words in monitor.text
    await monitor.press("G", "enter")
    assert "8 empty queues above" in monitor.text
    assert "idle-7" in monitor.text
    await monitor.press("enter")
    assert "8 more, empty" in monitor.text
    await monitor.press("slash", *"sync", "enter")
    assert monitor.lines[MAIL_LINE].split()[:2] == ["▌", "sync-orders"]
    assert not monitor.lines[MAIL_LINE + 1]
    assert "1 of 18 queues" in monitor.lines[1]
    await monitor.press("escape", "g", "s", "s")
    assert "longest wait first" in monitor.lines[1]
    assert view_of(monitor).rows.list.window[:2] == ["task/import-csv", "task/send-email"]
    await monitor.press("s", "g")
    await monitor.resize(80, 24)
    assert monitor.lines[-3].strip() == "○ at its limit  send-email  20 of 20 slots: 20 send-campaign, longest 2m"
    assert monitor.lines[-2].strip().startswith("no: 27 new runs, 14 started in the last minute; runs")
    await monitor.press("2")
    assert "shrinks   no" in monitor.text
    await monitor.press("Q")
    assert isinstance(monitor.app.screen, MainScreen)


@on_monitor(failing_fleet)
async def test_keys_list_runs_and_escape_returns_to_the_line(monitor: Monitored) -> None:
    shown = monitor.screen.run_list.views
    await opened(monitor)
    # h: the runs that hold the places of the queue; v: its oldest run.
    await monitor.press("h", wait_s=1)
    assert isinstance(monitor.app.screen, MainScreen)
    assert (shown.query.filters.queues, shown.query.text) == (("task/send-email",), "status:executing,dequeued")
    await monitor.press("escape", wait_s=1)
    assert view_of(monitor).rows.list.cursor == "task/send-email"
    await monitor.press("v", wait_s=1)
    assert monitor.screen.selection.run_id == queues.OLDEST
    await monitor.press("escape", "escape", wait_s=1)
    assert view_of(monitor).rows.list.cursor == "task/send-email"
    await monitor.press("j", "h", wait_s=1)
    assert "no running run of this queue is known" in monitor.text
    await monitor.press("enter", wait_s=1)
    assert isinstance(monitor.app.screen, MainScreen)
    assert shown.query.filters.queues == ("task/import-csv",)
    assert "import-csv" in monitor.lines[1]
    await monitor.press("escape", wait_s=1)
    assert monitor.lines[MAIL_LINE + 1].startswith("▌ ‖ import-csv")
    await monitor.press("q", wait_s=1)
    assert shown.query.filters.is_empty


@on_monitor(failing_fleet)
async def test_view_says_reading_until_the_waits_are_read(monitor: Monitored) -> None:
    """The server's list counts no run that was handed to a worker: its zero says nothing."""

    at = monitor.session.now()
    read = queues.queues_read(at)
    empty = tuple(replace(each, queued=0) for each in read.queues if each.name != "import-csv")
    await monitor.session.emit(replace(read, queues=empty))
    await monitor.press("Q")
    assert "running · queued: reading · read " in monitor.lines[1]
    assert "8 more, reading" in monitor.text
    assert "0 queued" not in monitor.text
    assert "empty" not in monitor.text
    assert monitor.lines[MAIL_LINE].split()[-5:] == ["reading", "·", "·", "·", "busy"], monitor.lines[MAIL_LINE]
    assert "shrinks   reading" in monitor.text
    await monitor.session.emit(queues.waits_read(at - timedelta(seconds=100)))
    await monitor.later(1)
    assert "301 queued" in monitor.lines[1]
    assert "8 more, empty" in monitor.text
    assert "reading" not in monitor.text
    await monitor.later(30)
    assert "queued: reading" in monitor.lines[1], "an old answer says nothing of now"
    failure = FactUnread(monitor.session.now(), FactSource.WAITS, Raw("the query was refused"), is_refused=False)
    await monitor.session.emit(failure)
    await monitor.later(1)
    assert "queued: not known" in monitor.lines[1]
    assert "8 more, no queued run is known" in monitor.text


@on_monitor(lambda: Fleet(failing_fleet().clock))
async def test_view_says_why_there_are_no_queues(monitor: Monitored) -> None:
    await monitor.press("Q")
    assert monitor.lines[MAIL_LINE].strip() == "loading…"
    at = monitor.session.now()
    reason = Raw("GET /api/v1/queues: 403 missing permissions")
    await monitor.session.emit(FactUnread(at, FactSource.QUEUES, reason, is_refused=True))
    await monitor.later(1)
    assert "This key may not read the queues: GET /api/v1/queues: 403 missing permissions." in monitor.text
    monitor.session.settings = replace(monitor.session.settings, key=public_token("read:runs"))
    await monitor.later(1)
    assert "A public token may not read the list of queues: the server answers 401." in monitor.text
    await monitor.session.emit(queues.queues_read(monitor.session.now()))
    failure = FactUnread(monitor.session.now(), FactSource.QUEUES, Raw("503 down"), is_refused=False)
    await monitor.session.emit(failure)
    waits = FactUnread(monitor.session.now(), FactSource.WAITS, Raw("429"), is_refused=False)
    await monitor.session.emit(waits)
    await monitor.later(50)
    assert " 503 down · 30 running · " in monitor.lines[1]
    assert "· read 50s ago ─" in monitor.lines[1]
    assert "not known  the new and started runs were not read" in monitor.text
