"""The names of keys, and which of them the footer shows."""

from pathlib import Path

from textual.widget import AwaitMount, Widget

from tests.support.fleet import Fleet, FleetRun
from tests.support.ui.fleets import small_fleet
from tests.support.ui.monitor import Monitored, run_story
from tests.support.virtual_clock import VirtualClock
from tui.kit.colors import PALETTES, ColorMode
from tui.kit.lines import LineWidget


def keys_of(monitor: Monitored) -> list[str]:
    """The footer, key by key."""
    return monitor.lines[-1].strip().split("   ")


def test_footer_hides_run_keys_without_a_selection(tmp_path: Path) -> None:
    async def story(monitor: Monitored) -> None:
        assert keys_of(monitor)[0] == "/ filter"
        assert not {"Enter open", "space mark", "y copy id", "R replay"} & set(keys_of(monitor))
        assert monitor.text.count("j or ↓ selects a run, x a failed one.") == 1
        await monitor.press("j", wait_s=1)
        assert keys_of(monitor)[:3] == ["Enter open", "R replay", "space mark"]

    run_story(story, tmp_path, small_fleet(6))


def test_footer_of_80_columns_keeps_the_needed_keys(tmp_path: Path) -> None:
    async def story(monitor: Monitored) -> None:
        await monitor.press("j", wait_s=1)
        needed = ["Enter open", "R replay", "/ filter", "x next error", "z zoom", ": commands", "? keys"]
        assert keys_of(monitor) == needed

    run_story(story, tmp_path, small_fleet(6), size=(80, 24))


def test_footer_follows_the_row_of_a_page(tmp_path: Path) -> None:
    async def story(monitor: Monitored) -> None:
        await monitor.press("j", "2", wait_s=1)
        assert "/ search" in keys_of(monitor)
        assert not any(key.startswith("Enter") for key in keys_of(monitor))
        await monitor.press("3", wait_s=1)
        assert keys_of(monitor)[0] == "Enter open"
        await monitor.press("4", wait_s=1)
        assert not {"h l fold", "^ root", "Enter open"} & set(keys_of(monitor)), "a run alone has nothing to fold"
        await monitor.press("2", "slash", *"ed", "enter", wait_s=1)
        rule = monitor.lines[monitor.line_of("2:detail")]
        assert "match 1 of " in rule
        await monitor.press("n")
        assert "match 2 of " in monitor.lines[monitor.line_of("2:detail")]

    run_story(story, tmp_path, small_fleet(6))


def test_zoom_ends_by_its_key_and_needs_room_to_gain(tmp_path: Path) -> None:
    async def story(monitor: Monitored) -> None:
        await monitor.press("j", "z", wait_s=1)
        assert "z back" in keys_of(monitor)
        assert monitor.lines[-2] == "", "the strip gave its place to the list"
        await monitor.press("z", "enter", wait_s=1)
        assert "z zoom" not in keys_of(monitor)
        await monitor.press("z", "escape", wait_s=1)
        assert monitor.screen.pane is monitor.screen.run_list
        assert not monitor.screen.workspace.is_zoomed

    run_story(story, tmp_path, small_fleet(6), size=(80, 24))


def test_keys_without_a_match_show_a_notice(tmp_path: Path) -> None:
    async def story(monitor: Monitored) -> None:
        await monitor.press("j", "n", wait_s=1)
        assert monitor.screen.run_list.rows.cursor == monitor.screen.run_list.rows.window[0]
        prompt, footers = monitor.screen.prompt, list[bool]()
        make = prompt.mount

        def mount(*widgets: Widget) -> AwaitMount:
            footers.append(monitor.screen.footer.display)
            return make(*widgets)

        prompt.mount = mount  # type: ignore[method-assign, assignment]
        await monitor.press("slash")
        assert footers == [True], "it stays until the prompt takes its place"
        assert monitor.lines[-1].startswith(" / any text, or status:failed ")
        await monitor.press(*"status:completed", "enter", "x")
        assert "no other failed run is shown" in monitor.lines[-1]
        await monitor.press("escape", "slash", *"zzz", "enter", wait_s=5)
        assert keys_of(monitor)[:3] == ["Enter search", "/ filter", "f server filters"]
        await monitor.press("escape", wait_s=1)
        assert "x next error" in keys_of(monitor)
        await monitor.press("g", "2", wait_s=1)
        assert "/ search" in keys_of(monitor)

    run_story(story, tmp_path, small_fleet(6))


def test_paused_panes_have_no_live_colours(tmp_path: Path) -> None:
    fleet = Fleet(VirtualClock())
    fleet.add(FleetRun(1, -10, -9, 1_000))
    blue = PALETTES[ColorMode.DARK]["blue"]

    def is_lively(*widgets: LineWidget) -> list[bool]:
        return [
            any(
                segment.style is not None and segment.style.color is not None and segment.style.color.name == blue
                for y in range(widget.size.height)
                for segment in widget.strip_at(y)
            )
            for widget in widgets
        ]

    async def story(monitor: Monitored) -> None:
        screen = monitor.screen
        await monitor.press("j", wait_s=2)
        seen = (screen.run_list.table, screen.panes["detail"].body, screen.panes["attempts"].body)
        assert is_lively(*seen) == [True] * 3  # type: ignore[arg-type]  # bodies are drawn line by line
        await monitor.press("p", wait_s=2)
        assert is_lively(*seen) == [False] * 3  # type: ignore[arg-type]
        await monitor.press("z", wait_s=1)
        assert is_lively(screen.run_summary) == [False]
        await monitor.press("p", wait_s=2)
        assert is_lively(screen.run_summary) == [True]

    run_story(story, tmp_path, fleet)
