"""The views behind the list are filled without garbage collections."""

import gc
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.domain.patches import patch_of
from tests.support.fleet import SECRET
from tests.support.virtual_clock import VirtualClock
from tui.domain.update import RunsRead
from tui.features.runs.model import ListViews
from tui.kit.live_model import LiveModel
from tui.settings.settings import read_settings
from tui.store.changes import TASK
from tui.sync.session import Session

RUNS = 3_000
THRESHOLD = 100
"""The collector runs each time so many objects were created."""


@pytest.fixture
def collections() -> Iterator[list[str]]:
    """The collections of the test, each of which may start after few objects."""
    phases: list[str] = []

    def on_collection(phase: str, _facts: dict[str, int]) -> None:
        phases.append(phase)

    thresholds, was_enabled = gc.get_threshold(), gc.isenabled()
    gc.set_threshold(THRESHOLD, *thresholds[1:])
    gc.enable()
    gc.callbacks.append(on_collection)
    yield phases
    gc.callbacks.remove(on_collection)
    gc.set_threshold(*thresholds)
    if not was_enabled:
        gc.disable()


def test_sort_of_many_runs_collects_no_garbage(tmp_path: Path, collections: list[str]) -> None:
    environ = {"TRIGGER_SECRET_KEY": SECRET, "XDG_STATE_HOME": str(tmp_path)}
    session = Session(read_settings(environ), clock=VirtualClock())
    session.store.apply(RunsRead(tuple(patch_of(f"run_{number}") for number in range(RUNS))))
    views = ListViews(LiveModel(session, lambda _: None), lambda: None, lambda _: None)
    collections.clear()
    views.request(replace(views.query, order=TASK))
    assert len(views.shown) == RUNS
    assert views.shown.order == TASK
    assert collections.count("start") < RUNS / THRESHOLD / 4  # the few after the views are complete
    assert gc.isenabled()
