"""The dialog of the server's filters by its keys."""

from datetime import timedelta
from pathlib import Path

from textual.events import Paste

from tests.support.fleet import Fleet, FleetRun
from tests.support.ui.monitor import Monitored, on_monitor, run_story
from tests.support.virtual_clock import VirtualClock
from tui.domain.filters import RunFilters
from tui.domain.run import TaskId
from tui.features.runs.filters import ServerFiltersScreen
from tui.kit.colors import ColorMode
from tui.store.server_filter import ServerFilter

HOUR = timedelta(hours=1)
DAY = 24 * HOUR
ALL = ServerFilter(RunFilters(), DAY)
FAILED = ("FAILED", "INTERRUPTED", "CRASHED", "SYSTEM_FAILURE", "TIMED_OUT")
STATUSES = ("down", "space", "j", "space", "k", "space", "l", "space", "left", "h", "down", "space", "enter")
FIELDS = (
    *("tab", "s", "tab", "comma", "c", "h", "right", "tab", *"billing", "down", *"1.9,1.10"),
    *("down", *"emails", "tab", "right", "enter"),
)
OF_FIELDS = RunFilters(
    tasks=(TaskId("send-digest"), TaskId("charge-card")),
    tags=("billing",),
    versions=("1.9", "1.10"),
    queues=("emails",),
)
CHOICES = (
    (("space", "shift+tab", "shift+tab", *"90m", "enter"), ServerFilter(RunFilters(statuses=FAILED), 1.5 * HOUR)),
    (STATUSES, ServerFilter(RunFilters(statuses=("QUEUED", "COMPLETED", "CRASHED")), DAY)),
    (FIELDS, ServerFilter(OF_FIELDS, timedelta(days=7))),
)
"""Keys in the dialog, and the filters that it leaves."""


def fleet() -> Fleet:
    fleet = Fleet(VirtualClock())
    tasks = ("charge-card", "send-digest", "send-email", "sweep-the-sessions-of-all-customers")
    fleet.add_all(FleetRun(number, -10.0 - number, -9.0, -8.0, task=task) for number, task in enumerate(tasks))
    return fleet


def chosen(monitor: Monitored) -> ServerFilter:
    assert monitor.app.screen is monitor.screen
    return monitor.app.subscription.chosen


@on_monitor(fleet, size=(80, 24))
async def test_every_field_works_by_keyboard(monitor: Monitored) -> None:
    for keys, found in CHOICES:
        monitor.app.subscription.choose(ALL)
        await monitor.press("f", *keys)
        assert chosen(monitor) == found
        # The dialog begins with the filters.
        await monitor.press("f", "enter")
        assert chosen(monitor) == found
    await monitor.press("f", "space", "tab", "x", "escape")
    assert chosen(monitor) == found
    await monitor.press("f", "shift+tab", "enter", "enter")
    assert chosen(monitor).filters == RunFilters(), "the dialog clears them"


@on_monitor(fleet, size=(80, 24))
async def test_dialog_explains_the_filters_while_typing(monitor: Monitored) -> None:
    await monitor.press("f")
    assert "shows  every run, last 24h" in monitor.text
    await monitor.press("space", "tab")
    assert "charge-card  send-digest  send-email  +1 " in monitor.text
    await monitor.press(*"send-")
    assert "shows  failed, send-, last 24h" in monitor.text
    assert monitor.lines[monitor.line_of("Tab completes")].split()[:2] == ["send-digest", "send-email"]
    await monitor.press(*"fax")
    assert "No run here has the task “send-fax” yet." in monitor.text
    for text in ("\x1b", "\x9b\n", "\x07", "b"):
        monitor.app.screen.focused.post_message(Paste(text))  # type: ignore[union-attr]
    await monitor.later()
    assert "send-faxb" in monitor.text, "no control can be pasted"
    await monitor.press("ctrl+u", "shift+tab", "space", "shift+tab", "up", "x", "up", "enter")
    assert isinstance(monitor.app.screen, ServerFiltersScreen)
    assert "“x” is not a period. Write 7d, 2:50-3:20 or yesterday 2:50-3:20." in monitor.text
    assert "▌ period" in monitor.text
    await monitor.press("left", *"2h")
    assert "02:50-03:20   newest 5,000 runs" in monitor.text
    assert "shows  every run, last 2h" in monitor.text, "what is typed replaces the period"
    await monitor.press("ctrl+u", "enter")
    assert chosen(monitor) == ALL
    await monitor.press("f")
    for id_, offset, words in (("#statuses", (25, 2), "Crashed, last 24h"), ("#clear", (4, 0), "every run, last")):
        await monitor.pilot.click(id_, offset=offset)
        assert f"shows  {words}" in monitor.text


def test_dialog_fits_every_size_without_colours(tmp_path: Path) -> None:
    words = ("server filters", "Interrupted", "Expired", "task       x", "tag ", "30d", "Apply", "Esc")

    async def story(monitor: Monitored) -> None:
        await monitor.press("f", "tab", "x", "down")
        for width, height in ((60, 15), (200, 60)):
            await monitor.resize(width, height)
            assert [word for word in words if word not in monitor.text] == [], (width, height)
            assert max(map(len, monitor.lines)) <= width
        assert "-- server filters ---" in monitor.text
        assert monitor.text.isascii()

    run_story(story, tmp_path, fleet(), size=(60, 15), color_mode=ColorMode.NONE, is_ascii=True)
