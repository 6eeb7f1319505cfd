"""What a change costs: only lines that look different are made, and without a change there is no frame."""

from pathlib import Path
from typing import Any

import pytest
from textual.strip import Strip
from textual.widget import Widget

from tests.support.fleet import Fleet, FleetRun
from tests.support.ui.monitor import Monitored, run_story
from tests.support.virtual_clock import VirtualClock
from tui.features.runs.screen import MainScreen
from tui.features.runs.view import RunTable
from tui.kit import bars as header
from tui.kit.header_words import HeaderFacts
from tui.program.app import TriggerApp
from tui.store.changes import Changes, Topic
from tui.text.styled import Line, Piece

OLD_S = -80_000.0


def fleet_of(*runs: FleetRun) -> Fleet:
    """Return a fleet of these runs and of finished ones whose ages stay the same."""
    fleet = Fleet(VirtualClock())
    fleet.add_all(FleetRun(number, OLD_S - number, OLD_S, OLD_S + 1) for number in range(30))
    fleet.add_all(runs)
    return fleet


def requested_lines(monitor: Monitored, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return a list that gets each line of the list of runs that a frame uses from now on."""
    table, requested = monitor.screen.run_list.table, list[str]()
    make = table.strip_at

    def strip_at(y: int) -> Strip:
        strip = make(y)
        requested.append(strip.text.split()[1])
        return strip

    monkeypatch.setattr(table, "strip_at", strip_at)
    return requested


def made_rows(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return a list that gets the id of each run whose row is made from now on."""
    made: list[str] = []

    make = RunTable.row_line

    def row_line(table: RunTable, item: Any, content: Any) -> Line:
        made.append(item)
        return make(table, item, content)

    monkeypatch.setattr(RunTable, "row_line", row_line)
    return made


def test_changed_run_requests_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def story(monitor: Monitored) -> None:
        requested, made = requested_lines(monitor, monkeypatch), made_rows(monkeypatch)
        await monitor.later(5)
        assert requested == ["Canceled"]
        assert len(made) == 1

    run_story(story, tmp_path, fleet_of(FleetRun(90, OLD_S + 5, ended_s=4.5, end="CANCELED")))


def test_new_runs_make_only_their_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    new = [FleetRun(90 + number, 4.1 + number / 10) for number in range(3)]

    async def story(monitor: Monitored) -> None:
        made = made_rows(monkeypatch)
        await monitor.later(5)
        assert set(made) == {run.id for run in new}
        assert [line.split()[3] for line in monitor.lines[3:6]] == ["run_00…0092", "run_00…0091", "run_00…0090"]

    run_story(story, tmp_path, fleet_of(*new))


def test_changes_are_painted_before_the_timer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    frames, left = list[object](), list[Widget]()

    async def story(monitor: Monitored) -> None:
        monkeypatch.setattr(TriggerApp, "_display", lambda _app, _screen, update: frames.append(update))
        monkeypatch.setattr(MainScreen, "_on_timer_update", lambda screen: left.extend(screen._dirty_widgets))
        await monitor.later(5)
        assert frames
        assert left == []

    run_story(story, tmp_path, fleet_of(FleetRun(90, OLD_S + 5, ended_s=4.5, end="CANCELED")))


def test_header_differs_once_for_changes_within_a_second(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made, is_busy = list[HeaderFacts](), [True]

    def make_header(facts: HeaderFacts, _width: int, **_options: Any) -> Line:
        made.append(facts)
        return (Piece(str(len(made) if is_busy else 0)),)

    async def story(monitor: Monitored) -> None:
        monkeypatch.setattr(header, "header_line", make_header)
        monitor.screen.header.rebuild()
        made.clear()
        for _ in range(3):
            monitor.screen.header.on_changes(Changes(topics={Topic.RUNS}))
        assert made == []
        monitor.screen.header.tick()
        assert len(made) == 1
        is_busy.clear()
        await monitor.later(2.5)
        made.clear()
        monitor.screen.header.on_changes(Changes(topics={Topic.RUNS}))
        assert len(made) == 1

    run_story(story, tmp_path, fleet_of())


def test_quiet_fleet_paints_and_publishes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    frames, published = list[object](), list[Changes]()

    def display(_app: TriggerApp, _screen: object, update: object) -> None:
        frames.append(update)

    async def story(monitor: Monitored) -> None:
        await monitor.later(23 - monitor.api.fleet.now_s)  # the queues are read at 22 s
        monitor.app.changed.subscribe(monitor.screen, published.append)
        monkeypatch.setattr(TriggerApp, "_display", display)
        count_before = len(monitor.api.fleet.requests)
        await monitor.later(8)
        assert len(monitor.api.fleet.requests) > count_before
        assert frames == []
        assert published == []

    run_story(story, tmp_path, fleet_of(), has_overview=True)
