"""The command line in the running monitor: arguments, completion, history, links, and the view before."""

from datetime import timedelta
from pathlib import Path

from textual import events

from tests.support.ui.fleets import small_fleet
from tests.support.ui.monitor import Monitored, on_monitor, run_story
from tui.domain.run import RunId
from tui.features.command_line.view import CommandLineScreen
from tui.kit.colors import ColorMode
from tui.store.changes import TOOK


def dialog(monitor: Monitored) -> CommandLineScreen:
    assert isinstance(monitor.app.screen, CommandLineScreen)
    return monitor.app.screen


def run_id(number: int) -> RunId:
    return RunId(f"run_{number:024}")


def shown(monitor: Monitored) -> RunId | None:
    return monitor.screen.selection.run_id


async def paste(monitor: Monitored, text: str) -> None:
    monitor.send(events.Paste(text))
    await monitor.later()


async def command(monitor: Monitored, text: str, *, wait_s: float = 0.0) -> None:
    """Paste a command into its line and run it, without a pause between the keys."""
    monitor.send(events.Key("colon", ":"))
    monitor.send(events.Paste(text))
    await monitor.press("enter", wait_s=wait_s)


@on_monitor(lambda: small_fleet(30), size=(80, 24))
async def test_view_is_completed_previewed_and_shown(monitor: Monitored) -> None:
    rows = monitor.screen.run_list.rows
    await monitor.press("colon", *"runs task:send-* status:thr")
    assert "runs task:send-* status:threw" in monitor.text
    assert "of 21 statuses" in monitor.text
    assert monitor.lines[-1].startswith(" Enter accept   Tab complete   ↑ ↓ choose   ctrl-r history")
    assert "6 of 30 runs" in monitor.text
    assert "trigger-tui ls --task send-email --status threw" in monitor.text
    await monitor.press("tab")
    assert dialog(monitor).line.typed == "runs task:send-* status:threw"
    await monitor.press("enter")
    assert monitor.app.screen is monitor.screen
    assert monitor.screen.run_list.searched == "task:send-* status:threw"
    assert len(rows.view) == 6
    await command(monitor, "sort took")
    assert monitor.screen.run_list.views.query.order is TOOK
    await monitor.press("colon", *"runs status:fai")
    assert "trigger-tui ls --status failed" in monitor.text, "the word that Tab takes counts"
    await monitor.press("escape", "colon", *"runs queue:nowhere")
    assert "none yet of 30" in monitor.text, "the queues of runs are not read"
    await monitor.press("escape", "colon", *"runs tsk:x", "enter")
    assert "cannot run: tsk:x: no field 'tsk', nearest: task" in monitor.text


@on_monitor(lambda: small_fleet(30), size=(80, 24))
async def test_line_may_be_a_filter_or_a_word_of_another_program(monitor: Monitored) -> None:
    pane = monitor.screen.run_list
    await command(monitor, "task:send-email -status:failed", wait_s=1)
    assert pane.searched == "task:send-email -status:failed"
    await command(monitor, "since 90m", wait_s=1)
    assert (pane.views.query.period, pane.searched) == (timedelta(minutes=90), "task:send-email -status:failed")
    for line, filter_text in (("failed", "status:failed"), ("send-em", "task:send-email")):
        await command(monitor, line, wait_s=1)
        assert (pane.searched, pane.views.query.period) == (filter_text, timedelta(minutes=90)), "the period is kept"
    await monitor.press("escape", wait_s=1)
    assert (pane.searched, pane.views.query.period) == ("task:send-email -status:failed", timedelta(hours=24))
    for word, name in (("env", "environment"), ("alert", "bell"), ("settings", "set NAME VALUE")):
        await monitor.press("colon", *word)
        assert dialog(monitor).line.chosen.name == name.split()[0]  # type: ignore[union-attr]
        assert f"▌ {name}" in monitor.text
        await monitor.press("escape")
    await command(monitor, "env")
    assert "another environment" in monitor.lines[-1]
    await monitor.press("j", "colon", *"replay with")
    assert "▌ replay                Start a new run" in monitor.text
    await monitor.press("escape")
    await command(monitor, "errors", wait_s=1)
    await command(monitor, "since 6h", wait_s=1)
    assert monitor.app.doors.address_of(monitor.app.screen).since == "6h"
    for word, heading, nearest in (
        ("vrun", "No command vrun. Nearest:", "run"),
        ("kill", "No cancel in this view, but in the list of runs:", "runs"),
    ):
        await monitor.press("colon", *word)
        assert heading in monitor.text
        await monitor.press("enter")
        assert dialog(monitor).line.typed == nearest
        await monitor.press("escape")


@on_monitor(lambda: small_fleet(12), size=(80, 24))
async def test_backspace_shows_the_view_before(monitor: Monitored) -> None:
    rows, pane = monitor.screen.run_list.rows, monitor.screen.run_list
    await monitor.press("backspace")
    assert "there is no previous view" in monitor.lines[-1]
    await monitor.press("j", "j", "j")
    chosen = rows.cursor
    await monitor.press("slash", *"status:failed", "backspace", "d", "enter")
    assert pane.searched == "status:failed"
    await command(monitor, "errors upstream", wait_s=1)
    assert monitor.screen.view_named("errors").screen is not None
    assert "/upstream" in monitor.lines[1]
    await command(monitor, f"run {run_id(4)[-4:]}", wait_s=1)
    assert shown(monitor) == run_id(4)
    await monitor.press("backspace", wait_s=1)
    assert monitor.screen.view_named("errors").screen is not None
    assert "/upstream" in monitor.lines[1]
    await monitor.press("backspace", wait_s=1)
    assert (monitor.app.screen, pane.searched) == (monitor.screen, "status:failed")
    await monitor.press("backspace", wait_s=1)
    assert (pane.searched, rows.cursor) == ("", chosen)
    await monitor.press("backspace")
    assert "there is no previous view" in monitor.lines[-1]


def test_settings_last_until_the_program_ends(tmp_path: Path) -> None:
    async def story(monitor: Monitored) -> None:
        await command(monitor, "set interval 0.1")
        assert "interval must be a number of seconds from 0.5 to 3600" in monitor.text
        await monitor.press("escape")
        await command(monitor, "set interval 5")
        assert monitor.session.settings.interval_s == 5
        assert "interval 5 for this session only" in monitor.lines[-1]
        await command(monitor, "set timezone Asia/Tokyo")
        assert monitor.session.settings.timezone == "Asia/Tokyo"
        await command(monitor, "theme light")
        assert monitor.app.painter.color_mode is ColorMode.LIGHT
        await command(monitor, "bell notice")
        assert monitor.session.settings.bell.ring == "notice"

    run_story(story, tmp_path, small_fleet(6), size=(80, 24))
    assert list(tmp_path.glob("*.toml")) == []


def test_history_is_searched_and_holds_no_key(tmp_path: Path) -> None:
    async def story(monitor: Monitored) -> None:
        await command(monitor, "runs status:failed")
        await command(monitor, "runs tr_dev_abcdefghijkl")
        await command(monitor, "sort took")
        await monitor.press("colon")
        assert "earlier" in monitor.text
        await monitor.press("ctrl+r", *"stat", "enter")
        assert monitor.screen.run_list.searched == "status:failed"

    run_story(story, tmp_path, small_fleet(6), size=(80, 24))
    (file,) = tmp_path.rglob("commands-*.json")
    assert file.stat().st_mode & 0o777 == 0o600
    assert "status:failed" in file.read_text()
    assert "tr_dev" not in file.read_text()


@on_monitor(lambda: small_fleet(6))
async def test_pasted_link_is_named_before_it_opens(monitor: Monitored) -> None:
    environment = monitor.session.store.environment
    assert environment is not None
    place = f"https://x.example/orgs/{environment.organisation}/projects/{environment.project}/env"
    await monitor.press("colon")
    await paste(monitor, f"{place}/{environment.slug}/runs/{run_id(2)}\n")
    assert "a link to a run of the dashboard" in monitor.text
    assert "Failed  send-email" in monitor.text
    assert shown(monitor) is None
    await monitor.press("enter", wait_s=1)
    assert shown(monitor) == run_id(2)
    await monitor.press("colon")
    await paste(monitor, f"{place}/elsewhere/runs/{run_id(3)}")
    assert "It leads to the environment elsewhere." in monitor.text
    await monitor.press("enter")
    assert isinstance(monitor.app.screen, CommandLineScreen)
    await monitor.press("ctrl+u")
    await paste(monitor, "run_000000000000000000009999")
    assert "read from the server…" in monitor.text
    await monitor.later(2)
    assert "The server says: 404 " in monitor.text
    await monitor.press("escape")
    assert shown(monitor) == run_id(2)
