"""The emulator's clock starts where it should and runs at its scale."""

import time

import pytest

from tui.emulator.server.emulator import WorldClock

START_MS = 1_795_528_000_000


@pytest.mark.parametrize(
    ("scale", "shown_ms"), [(1.0, 2_500), (10.0, 25_000), (0.5, 1_250), (0.0, 0), (1000.0, 2_500_000)]
)
def test_clock_runs_at_its_scale(monkeypatch: pytest.MonkeyPatch, scale: float, shown_ms: int) -> None:
    now_s = [100.0]
    monkeypatch.setattr("tui.emulator.server.emulator.time.monotonic", lambda: now_s[0])
    world = WorldClock(START_MS, scale)
    assert world() == START_MS
    now_s[0] += 2.5
    assert world() == START_MS + shown_ms


def test_clock_starts_now_by_default() -> None:
    before_ms = time.time_ns() // 1_000_000
    world = WorldClock(scale=0)
    assert before_ms <= world() <= time.time_ns() // 1_000_000
    assert world() == world.start_ms
