"""Keys that work in every pane: between panes, copying, filters, searches, and the ways out."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from tests.support.fleet import Fleet
from tests.support.ui.fleets import small_fleet
from tests.support.ui.monitor import Monitored, monitored
from tests.ui.input.test_clipboard import taken
from tui.features import PANES
from tui.kit.driver import TerminalDriver

Story = Callable[[Monitored], Awaitable[None]]


def run_story(story: Story, tmp_path: Path, fleet: Fleet | None = None, *, size: tuple[int, int] = (120, 40)) -> None:
    async def scenario() -> None:
        async with monitored(fleet or small_fleet(6), tmp_path, size=size, environment_name="here") as monitor:
            await story(monitor)

    asyncio.run(scenario())


def test_the_keys_between_panes(tmp_path: Path) -> None:
    async def story(monitor: Monitored) -> None:
        async def pane_after(*keys: str) -> str:
            await monitor.press(*keys)
            return monitor.screen.pane.title

        runs, *others = [pane.title for pane in PANES]
        await monitor.press("j", wait_s=1)
        assert [await pane_after("tab") for _ in PANES] == [*others, runs]
        assert [await pane_after("shift+tab") for _ in PANES] == [*reversed(others), runs]
        assert [await pane_after(str(number)) for number in range(1, len(PANES) + 1)] == [runs, *others]
        assert await pane_after("4", "z") == "tree"
        assert await pane_after("z", "q") == "runs"

    run_story(story, tmp_path)


def test_page_cursor_starts_on_a_text_row(tmp_path: Path) -> None:
    async def story(monitor: Monitored) -> None:
        await monitor.press("slash", *"completed", "enter", "G")
        for key, first_line in (("2", "▌ This line is not a run"), ("3", "▌ No run is selected.")):
            await monitor.press(key)
            assert monitor.lines[2] == "", "one empty row under the rule"
            assert monitor.lines[3].startswith(first_line)

    run_story(story, tmp_path, size=(80, 24))


def test_copying_sends_and_shows_a_notice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[str] = []

    async def story(monitor: Monitored) -> None:
        monkeypatch.setattr(monitor.app, "write", sent.append)
        await monitor.press("j", wait_s=1)
        run_id = monitor.screen.run_list.target
        await monitor.press("y")
        assert taken(sent[-1]) == run_id
        assert monitor.lines[-1].endswith("id sent to the terminal")
        await monitor.press("4", "Y", wait_s=1)
        assert "i  id" in monitor.text
        await monitor.press("i")
        assert [taken(each) for each in sent] == [run_id, run_id]
        assert monitor.app.screen is monitor.screen

    run_story(story, tmp_path)


def test_server_filters_survive_a_restart(tmp_path: Path) -> None:
    async def story(monitor: Monitored) -> None:
        await monitor.press("f")
        assert "System failure" in monitor.text
        await monitor.press("space", "enter", wait_s=3)
        assert monitor.app.screen is monitor.screen
        await again(monitor)

    async def again(monitor: Monitored) -> None:
        assert "failed" in monitor.lines[1].casefold()
        assert "Completed" not in monitor.text
        assert "Failed" in monitor.text

    run_story(story, tmp_path)
    run_story(again, tmp_path)


@pytest.mark.parametrize("keys", [("q",), ("ctrl+q",), ("ctrl+c",), ("2", "ctrl+c"), ("slash", "a", "ctrl+c")])
def test_escape_and_q_lead_out(tmp_path: Path, keys: tuple[str, ...]) -> None:
    async def story(monitor: Monitored) -> None:
        await monitor.press("j", "escape", "escape")
        assert monitor.app.return_code is None, "Esc never ends it"
        await monitor.press(*keys)
        assert monitor.app.return_code == 0

    run_story(story, tmp_path)


def test_n_steps_through_matches_in_both_directions(tmp_path: Path) -> None:
    async def story(monitor: Monitored) -> None:
        def match() -> str:
            return monitor.lines[monitor.line_of("2:detail")].split("match ")[1].split(" of")[0]

        await monitor.press("j", "2", "slash", *"ed", "enter", wait_s=1)
        assert match() == "1"
        await monitor.press("n", "n")
        assert match() == "3"
        await monitor.press("N")
        assert match() == "2"
        await monitor.press("g", "N")
        assert match() not in {"0", "1", "2"}, "around the end"

    run_story(story, tmp_path)


def test_list_highlights_the_filter_text(tmp_path: Path) -> None:
    async def story(monitor: Monitored) -> None:
        def marked() -> list[str]:
            table = monitor.screen.run_list.table
            return [
                segment.text
                for y in range(table.size.height)
                for segment in table.strip_at(y)
                if segment.style is not None and segment.style.underline
            ]

        assert marked() == []
        await monitor.press("slash", *"crash", "enter")
        assert marked() == ["Crash"]
        await monitor.press("escape")
        assert marked() == []

    run_story(story, tmp_path)


def test_each_key_is_processed_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def story(monitor: Monitored) -> None:
        worked_off: list[None] = []
        driver = TerminalDriver(monitor.app)
        driver.backlog.record_begun = lambda: worked_off.append(None)  # type: ignore[method-assign]
        send = monitor.app._driver.send_message  # type: ignore[union-attr]
        monkeypatch.setattr(monitor.app, "_driver", driver)
        monkeypatch.setattr(driver, "send_message", send)
        keys = ("f9", "d", "j", "f9", "question_mark", "f9", "escape")
        await monitor.press(*keys)
        assert len(worked_off) == len(keys)
        monkeypatch.undo()

    run_story(story, tmp_path, small_fleet())
