"""Panes that were not visible yet are imported while nobody types."""

import asyncio
from pathlib import Path

import pytest

from tests.support.fleet import Fleet, FleetRun
from tests.support.ui.monitor import Monitored, run_story
from tests.support.virtual_clock import VirtualClock
from tui.kit.workspace import Workspace


def test_other_panes_are_imported_while_nobody_types(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    loaded: list[str] = []
    is_loaded, is_asked_again = asyncio.Event(), asyncio.Event()
    answers: list[bool] = []

    def is_quiet() -> bool:
        answers.append(bool(typing_ended))
        if len(answers) == 3:
            is_asked_again.set()
        return answers[-1]

    async def load(workspace: Workspace) -> None:
        loaded.extend(entry.title for entry in workspace.unmade)
        is_loaded.set()

    monkeypatch.setattr("tui.kit.workspace.LOAD_CHECK_INTERVAL_S", 0.01)
    monkeypatch.setattr(Workspace, "_load_unmade", load)
    monkeypatch.setattr("tui.kit.speed.PauseCollector.is_quiet", property(lambda _: is_quiet()))
    typing_ended: list[bool] = []
    fleet = Fleet(VirtualClock())
    fleet.add(FleetRun(1, -100, -99, -98))

    async def story(_: Monitored) -> None:
        async with asyncio.timeout(100):
            await is_asked_again.wait()
            assert not loaded
            typing_ended.append(True)
            await is_loaded.wait()
        assert loaded[:4] == ["detail", "attempts", "tree", "logs"]
        assert {"overview", "tasks", "waterfall"} < set(loaded)

    run_story(story, tmp_path, fleet, size=(80, 24))
