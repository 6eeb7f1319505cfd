"""Views by their addresses: opened in the monitor and at its start, and named again."""

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Final

from tests.support.ui.fleets import failing_fleet, small_fleet
from tests.support.ui.monitor import Monitored, on_monitor, run_story
from tui.domain.filters import RunFilters
from tui.features.errors.screen import ErrorsScreen
from tui.features.queues.view import QueuesScreen
from tui.features.runs.screen import MainScreen, address_of, apply_address
from tui.store.addresses import parse_address
from tui.store.server_filter import ServerFilter

OTHER_VIEWS = (
    "runs?task=task-*&q=x&since=2h&sort=took",
    "errors?q=customer&since=6h&sort=most",
    "runs?server-task=task-1&since=2026-11-24%2009:00-10:00z",
    "errors?server-tag=customer",
    "queues?q=mail&sort=oldest",
    "run?id=run_1",
    "runs?-tag=x",
    "run?id=run_2&pane=logs",
    "run?id=run_2&pane=waterfall",
    "runs?",
    "queues?",
    "errors?",
)


SCREENS: Final = {"errors": ErrorsScreen, "queues": QueuesScreen}


def test_each_view_leads_to_each_other_by_its_address(tmp_path: Path) -> None:
    async def story(monitor: Monitored) -> None:
        for text in OTHER_VIEWS:
            assert apply_address(monitor.app, parse_address(text)) is None
            await monitor.later(1)
            assert str(address_of(monitor.app.screen)) == text
            assert isinstance(monitor.app.screen, SCREENS.get(text.partition("?")[0], MainScreen))
        for key, view in zip("QW!WQ!", ("queues", "wall", "errors", "wall", "queues", "errors"), strict=True):
            await monitor.press(*key, wait_s=1)
            assert str(address_of(monitor.app.screen)).startswith(f"{view}?"), "each key works in each view"

    run_story(story, tmp_path, failing_fleet(), size=(80, 24))
    assert not list(tmp_path.rglob("screen-*.json"))


@on_monitor(failing_fleet, size=(80, 24))
async def test_typed_span_is_local_and_its_address_is_in_utc(monitor: Monitored) -> None:
    settings = replace(monitor.session.settings, timezone="Asia/Kolkata")
    monitor.session.change_settings(settings)
    assert apply_address(monitor.app, parse_address("runs?since=2026-11-24%2014:30-15:30")) is None
    await monitor.later(1)
    assert str(address_of(monitor.app.screen)) == "runs?since=2026-11-24%2009:00-10:00z"
    await monitor.press("f")
    assert "2026-11-24 14:30-15:30" in monitor.text
    await monitor.press("escape")
    monitor.session.change_settings(replace(settings, timezone="UTC"))
    await monitor.press("f")
    assert "2026-11-24 09:00-10:00" in monitor.text


def test_address_at_the_start_wins_and_is_not_remembered(tmp_path: Path) -> None:
    failed = ServerFilter(RunFilters(statuses=("FAILED",)), timedelta(hours=6))

    async def choose(monitor: Monitored) -> None:
        monitor.app.subscription.choose(failed)
        await monitor.later(1)

    async def visit(monitor: Monitored) -> None:
        assert "filters from" not in monitor.text
        assert monitor.app.subscription.chosen.filters.statuses == ("COMPLETED",)
        assert str(address_of(monitor.screen)) == "runs?tag=x&server-status=completed&sort=cost"
        await monitor.press("w")

    async def sort(monitor: Monitored) -> None:
        await monitor.press("s", wait_s=1)

    async def afterwards(monitor: Monitored) -> None:
        assert monitor.app.subscription.chosen == failed

    address = parse_address("runs?tag=x&server-status=completed&sort=cost")
    for story, given, order in ((choose, None, None), (visit, address, None), (sort, address, "created")):
        run_story(story, tmp_path, small_fleet(), size=(80, 24), environment_name="here", address=given)
        (path,) = tmp_path.rglob("screen-*.json")
        saved = json.loads(path.read_text())
        assert (saved["filters"], saved["period"], saved["order"]) == ({"statuses": ["FAILED"]}, "6h", order)
        assert saved["wide"] is (story is not choose)
    run_story(afterwards, tmp_path, small_fleet(), size=(80, 24), environment_name="here")
