"""What the screen shows after the config file has changed."""

import re
from dataclasses import replace
from pathlib import Path
from zoneinfo import ZoneInfo

from tests.support.fleet import Fleet, FleetRun, in_ms
from tests.support.ui.monitor import Monitored, run_story
from tests.support.virtual_clock import VirtualClock
from tui.emulator.simulation.runs import NewRun
from tui.emulator.simulation.script import Failure, FailureKind, Script, Work
from tui.kit.colors import ColorMode
from tui.kit.state_files import SettingsChange
from tui.settings.settings import Complaint, ConfigFile, Settings

KOLKATA = ZoneInfo("Asia/Kolkata")


def fleet() -> Fleet:
    """A run whose three attempts throw."""
    created = Fleet(VirtualClock())
    failure = Failure(FailureKind.ERROR, "Upstream returned 503", "UpstreamError", "")
    script = Script((Work(400),), throws=failure)
    new = NewRun(task_id="charge-card", id=FleetRun(1, 0).id, script=script, max_attempts=3, starts_ms=in_ms(-60))

    def create() -> None:
        created.world.lifecycle.create(new)

    created.world.agenda.at(in_ms(-60), create)
    return created


async def use(monitor: Monitored, settings: Settings) -> None:
    change = SettingsChange(monitor.session.settings, settings)
    monitor.session.change_settings(settings)
    monitor.app._on_settings_changed(change)
    await monitor.later(1)


def minutes(monitor: Monitored) -> set[str]:
    """The minutes of all times on the screen."""
    return set(re.findall(r"\b\d\d:(\d\d):\d\d\b", monitor.text))


def test_all_times_follow_another_zone(tmp_path: Path) -> None:
    async def story(monitor: Monitored) -> None:
        local = replace(monitor.session.settings, timezone="Asia/Kolkata")
        await monitor.press("j", wait_s=1)
        monitor.app.messages.add(monitor.session.now(), "The disk is full.")
        for keys, view in (["3"], "attempt 3 of 3"), ([*":messages", "enter"], "The disk is full."):
            await monitor.press(*keys, wait_s=1)
            assert view in monitor.text
            before = minutes(monitor)
            assert before, monitor.text
            await use(monitor, local)
            assert "IST" in monitor.lines[0]
            assert minutes(monitor) == {f"{(int(minute) + 30) % 60:02}" for minute in before}
            await use(monitor, replace(local, timezone="UTC"))
            assert minutes(monitor) == before

    run_story(story, tmp_path, fleet())


def test_chosen_theme_stays_when_another_setting_changes(tmp_path: Path) -> None:
    async def story(monitor: Monitored) -> None:
        monitor.app.use_color_mode(ColorMode.LIGHT)
        await use(monitor, replace(monitor.session.settings, interval=7.0))
        assert [monitor.app.painter.color_mode] == [ColorMode.LIGHT]
        await use(monitor, replace(monitor.session.settings, theme="dark"))
        assert [monitor.app.painter.color_mode] == [ColorMode.DARK]

    run_story(story, tmp_path, fleet())


def test_problems_of_the_config_file_are_counted_at_the_start(tmp_path: Path) -> None:
    complaint = Complaint("theme", 'expected "dark", got "purple"', file="~/config.toml")

    async def story(monitor: Monitored) -> None:
        assert "config file: 2 problems · :messages" in monitor.lines[-1]
        await monitor.later(10)
        assert "config file" not in monitor.lines[-1]

    file = ConfigFile(complaints=(complaint, complaint, replace(complaint, is_remark=True)))
    run_story(story, tmp_path, fleet(), file=file, size=(60, 15))
