"""Filters that outlive a session: the notice at the start, and the key that clears every filter."""

from datetime import timedelta
from pathlib import Path

from tests.support.ui.fleets import small_fleet
from tests.support.ui.monitor import Monitored, run_story
from tui.domain.filters import RunFilters
from tui.store.server_filter import ServerFilter
from tui.text.styled import Token

FAILED = ServerFilter(RunFilters(statuses=("FAILED",)), timedelta(hours=24))


def keep(tmp_path: Path, *, kept_at: str | None) -> None:
    """Choose a filter in one session, as of that time."""

    async def story(monitor: Monitored) -> None:
        monitor.app.subscription.choose(FAILED)
        await monitor.later(1)
        assert "filters from" not in monitor.text
        assert title_token(monitor) is Token.TEXT

    run_story(story, tmp_path, small_fleet(), environment_name="here")
    (path,) = tmp_path.rglob("screen-*.json")
    text = path.read_text()
    assert '"2026-11-24T14:00:' in text
    at = text.index('"2026-11-24T14:00:')
    wanted = "null" if kept_at is None else f'"{kept_at}"'
    path.write_text(text[:at] + wanted + text[text.index('"', at + 1) + 1 :])


def title_token(monitor: Monitored) -> Token:
    """The colour of the filters in the title of the list."""
    return next(piece.token for piece in monitor.screen.run_list.rule.text.left if "last 24h" in piece.text)


def test_narrow_start_notice_names_the_clear_key(tmp_path: Path) -> None:
    keep(tmp_path, kept_at="2026-11-23T18:02:00+00:00")

    async def story(monitor: Monitored) -> None:
        assert monitor.lines[-1] == " ? keys   filters from yesterday 18:02: Failed,… · 0 clears"

    run_story(story, tmp_path, small_fleet(), environment_name="here", size=(60, 15))


def test_start_shows_the_saved_filters(tmp_path: Path) -> None:
    keep(tmp_path, kept_at="2026-11-23T18:02:00+00:00")

    async def story(monitor: Monitored) -> None:
        assert "filters from yesterday 18:02: Failed, last 24h · 0 clears" in monitor.lines[-1]
        assert title_token(monitor) is Token.AMBER
        assert "Failed, last 24h" in monitor.lines[1]
        assert len(monitor.screen.run_list.rows.view) == 6
        await monitor.press("0", wait_s=3)
        assert "all filters are cleared" in monitor.lines[-1]
        assert title_token(monitor) is Token.MUTED
        assert len(monitor.screen.run_list.rows.view) == 30
        await monitor.later(5)
        await monitor.press("0")
        assert "no filter is set" in monitor.lines[-1]

    run_story(story, tmp_path, small_fleet(), environment_name="here")

    async def afterwards(monitor: Monitored) -> None:
        assert "filters from" not in monitor.text
        assert title_token(monitor) is Token.MUTED

    run_story(afterwards, tmp_path, small_fleet(), environment_name="here")


def test_old_file_without_a_time_is_read(tmp_path: Path) -> None:
    keep(tmp_path, kept_at=None)

    async def story(monitor: Monitored) -> None:
        assert "filters of an earlier session: Failed, last 24h · 0 clears" in monitor.lines[-1]

    run_story(story, tmp_path, small_fleet(), environment_name="here")


def test_one_key_clears_every_filter(tmp_path: Path) -> None:
    async def story(monitor: Monitored) -> None:
        monitor.app.subscription.choose(FAILED)
        await monitor.press("slash", *"zebra", "enter", "2", "slash", *"zebra", "enter")
        await monitor.press("0", wait_s=3)
        assert all(not pane.searched for pane in monitor.screen.panes.values())
        assert monitor.app.subscription.chosen == ServerFilter(RunFilters(), timedelta(hours=24))
        assert len(monitor.screen.run_list.rows.view) == 30

    run_story(story, tmp_path, small_fleet())


def test_not_found_disappears_with_the_search(tmp_path: Path) -> None:
    async def story(monitor: Monitored) -> None:
        await monitor.press("j", "enter", "slash", *"zebra", "enter", wait_s=1)
        assert "not found here" in monitor.text
        await monitor.press("1")
        assert "not found here" not in monitor.text
        await monitor.press("2", "slash", *"zebra", "enter")
        await monitor.press("escape")
        assert "not found here" not in monitor.text

    run_story(story, tmp_path, small_fleet())
