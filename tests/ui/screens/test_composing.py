"""What is painted: lines that changed, and nothing else. The result looks as if Textual had painted everything."""

from collections import Counter
from collections.abc import Hashable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from textual._compositor import CompositorUpdate, ReflowResult
from textual.geometry import Region, Size
from textual.strip import Strip
from textual.widget import Widget

from tests.perf.screen import Emulator, Screen
from tests.support.fleet import FleetRun
from tests.support.terminal_frames import MODES, cells
from tests.support.ui.fleets import small_fleet
from tests.support.ui.monitor import Monitored, run_story
from tui.domain.run import RunId
from tui.features.detail.view import DetailPane
from tui.features.runs.screen import MainScreen
from tui.features.runs.view import RunTable
from tui.kit import bars as footer
from tui.kit.bars import KeyWord
from tui.kit.lines import LineWidget
from tui.kit.page import PageRow
from tui.kit.selection import Selection
from tui.kit.table import RowContent, RowTable
from tui.kit.terminal.output import PaintedPiece
from tui.program.app import TriggerApp
from tui.store.error_groups import ErrorGroup
from tui.store.freshness import Freshness, FreshnessTracker
from tui.text.styled import Line

STEPS = (
    *("j", "j", "z", "pagedown", "k", "z", "2", "j", "3", "4", "question_mark", "j", "escape", "colon", "x", "escape"),
    *("f", "tab", "escape", "slash", "f", "a", "escape", "1", "R", "escape", "w", "s", "y", "escape"),
)
"""Keys that lead through the list, all panes, the help, the palette, the dialogs and a text field."""


@contextmanager
def painted_lines() -> Iterator[Counter[tuple[str, int]]]:
    """Count the lines that the compositor asks of each widget."""
    counts: Counter[tuple[str, int]] = Counter()
    render_lines = LineWidget.render_lines

    def counted(widget: LineWidget, crop: Region) -> list[Strip]:
        counts.update((type(widget).__name__, y) for y in crop.line_range)
        return render_lines(widget, crop)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(LineWidget, "render_lines", counted)
        yield counts


def of_table(counts: Counter[tuple[str, int]]) -> list[int]:
    """Return the painted lines of the list, each as often as it was painted."""
    return sorted(y for (name, y), count in counts.items() if name == "RunTable" for _ in range(count))


def test_down_in_view_paints_two_lines_of_the_list(tmp_path: Path) -> None:
    async def story(monitor: Monitored) -> None:
        await monitor.press("j", wait_s=5)
        with painted_lines() as counts:
            await monitor.press("j")
        assert of_table(counts) == [1, 2]

    run_story(story, tmp_path, small_fleet(), has_overview=True)


def test_scrolled_list_makes_two_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def story(monitor: Monitored) -> None:
        table, made = monitor.screen.run_list.table, list[RunId]()
        await monitor.press(*["j"] * (len(table.rows.visible_runs) - 1), "j", wait_s=1)
        first, last = table.rows.window[0], table.rows.cursor

        def row_line(item: Any, content: Any) -> Line:
            made.append(item)
            return RunTable.row_line(table, item, content)

        monkeypatch.setattr(table, "row_line", row_line)
        await monitor.press("j")
        assert table.rows.window[0] != first
        # The row that came into view, and that of the cursor before, whose background is another.
        assert {*made} == {last, table.rows.cursor}
        assert len(made) == 2

    run_story(story, tmp_path, small_fleet(), has_overview=True)


def test_scrolled_groups_make_two_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def story(monitor: Monitored) -> None:
        made, freshness = list[ErrorGroup](), list[object]()
        await monitor.press("exclamation_mark", *["j"] * 10, wait_s=3)
        before, at = monitor.lines, FreshnessTracker.at

        make = RowTable.row_line

        def row_line(table: RowTable[ErrorGroup], item: Hashable, content: RowContent) -> Line:
            made.append(content.made_from[0].group)
            return make(table, item, content)

        def counted(*arguments: Any) -> Freshness:
            freshness.append(arguments)
            return at(*arguments)

        monkeypatch.setattr(RowTable, "row_line", row_line)
        monkeypatch.setattr(FreshnessTracker, "at", counted)
        await monitor.press("j")
        assert monitor.lines[3] == before[4].replace("▌", " ")
        assert len(made) == 2
        assert len(freshness) < 20

    fleet = small_fleet(5)
    fleet.add_all(
        FleetRun(600 + each, -90.0 - each, -89.0, -80.0, "FAILED", message=f"no {chr(97 + each)} left")
        for each in range(20)
    )
    fleet.allow_queries()
    run_story(story, tmp_path, fleet)


def test_hidden_pane_makes_no_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def story(monitor: Monitored) -> None:
        await monitor.press("j", "z", wait_s=2)
        made, make, detail = list[int](), DetailPane.rows, monitor.screen.panes["detail"]
        assert isinstance(detail, DetailPane)

        def rows(pane: DetailPane, width: int) -> Sequence[PageRow]:
            made.append(width)
            return make(pane, width)

        monkeypatch.setattr(detail.page, "_make", partial(rows, detail))
        await monitor.press("j", "j", wait_s=3)
        assert made == []
        await monitor.press("z")
        assert made
        assert f"run_{3:024}" in monitor.lines[22]

    run_story(story, tmp_path, small_fleet(), has_overview=True)


def test_covered_screen_follows_once_it_is_visible(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def story(monitor: Monitored) -> None:
        fleet, ticked = monitor.api.fleet, list[bool]()
        await monitor.press("question_mark")
        monkeypatch.setattr(monitor.screen.run_list.table, "tick", lambda: ticked.append(True))
        fleet.add(FleetRun(900, fleet.now_s + 1, task="brand-new"))
        with painted_lines() as counts:
            await monitor.later(5)
        assert of_table(counts) == []
        assert ticked == []
        await monitor.press("escape")
        assert ticked
        assert "brand-new" in monitor.lines[3]

    run_story(story, tmp_path, small_fleet(), has_overview=True)


def test_footer_is_kept_while_its_facts_are_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def story(monitor: Monitored) -> None:
        made = list[str]()
        usual = footer.footer_line

        def footer_line(keys: Sequence[KeyWord], last: KeyWord | None, right: Line, width: int) -> Line:
            made.append("line")
            return usual(keys, last, right, width)

        await monitor.press("j", wait_s=2)
        monkeypatch.setattr(footer, "footer_line", footer_line)
        await monitor.press("j", "j", "pagedown", "k", wait_s=5)
        assert made == []
        await monitor.press("slash")
        await monitor.press("escape", "2")
        assert made
        assert "w wrap" in monitor.lines[-1]

    run_story(story, tmp_path, small_fleet(), has_overview=True)


def test_key_is_painted_without_waiting_for_a_timer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def story(monitor: Monitored) -> None:
        await monitor.press("j", wait_s=1)
        monkeypatch.setattr(MainScreen, "_on_timer_update", lambda _: None)
        with painted_lines() as counts:
            await monitor.press("j")
            assert of_table(counts) == [1, 2]
            await monitor.press("j")
            assert of_table(counts) == [1, 2, 2, 3]
        assert counts["Page", 2] == 2

    run_story(story, tmp_path, small_fleet(), size=(100, 34), has_overview=True)


def test_panes_follow_the_last_of_the_waiting_keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def story(monitor: Monitored) -> None:
        await monitor.press("j")
        monkeypatch.setattr(TriggerApp, "is_behind", True)
        shown, show = list[RunId | None](), monitor.screen._show_selection

        def show_selection(selection: Selection) -> None:
            shown.append(selection.run_id)
            show(selection)

        monkeypatch.setattr(monitor.screen.selection_loader, "_show", show_selection)
        with painted_lines() as counts:
            await monitor.press("j", "j", "j")
            assert monitor.screen.run_list.target == monitor.screen.history.current
            assert shown == []
            assert counts["Page", 2] == 0
            await monitor.press("2")
        assert set(shown) == {monitor.screen.pane.target}
        assert monitor.screen.pane.target == monitor.screen.run_list.target

    run_story(story, tmp_path, small_fleet(), has_overview=True)


@pytest.mark.parametrize(("size", "steps"), [((80, 24), STEPS), ((162, 36), STEPS[:8])])
def test_repainted_parts_make_the_whole_screen(size: tuple[int, int], steps: Sequence[str], tmp_path: Path) -> None:
    columns, lines = size
    parts, whole = Emulator(Screen(columns, lines)), Emulator(Screen(columns, lines))

    async def story(monitor: Monitored) -> None:
        for terminal in (parts, whole):
            terminal.feed(MODES.encode())
        monitor.screen.refresh()
        for key in ("", *steps):
            await monitor.press(*([key] if key else []), wait_s=1)
            compositor, console = monitor.app.screen._compositor, monitor.app.console
            whole.feed(compositor.render_full_update().render_segments(console).replace("\n", "").encode())
            assert cells(parts) == cells(whole), f"after {key!r}"

    def display(app: TriggerApp, _: Any, update: CompositorUpdate | list[PaintedPiece] | None) -> None:
        if isinstance(update, list):
            for piece in update:
                parts.feed(f"\x1b[{piece.y + 1};{piece.x + 1}H{Strip(piece.segments).render(app.console)}".encode())
        elif update is not None:
            parts.feed(update.render_segments(app.console).replace("\n", "").encode())

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TriggerApp, "_display", display)
        run_story(story, tmp_path, small_fleet(80), size=size, has_overview=True)


def test_pane_that_was_looked_up_is_sent_its_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def story(monitor: Monitored) -> None:
        compositor = monitor.screen._compositor
        reflow = compositor.reflow

        def look_up_first(parent: Widget, size: Size) -> ReflowResult:
            compositor._full_map_invalidated = True
            assert monitor.screen in compositor.full_map
            return reflow(parent, size)

        monkeypatch.setattr(compositor, "reflow", look_up_first)
        await monitor.press("j", "4", "t", wait_s=1)
        assert "spans" in monitor.text

    run_story(story, tmp_path, small_fleet(), has_overview=True)
