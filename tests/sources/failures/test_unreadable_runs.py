"""Runs whose error could not be read: when each is tried again."""

from tests.support.virtual_clock import VirtualClock
from tui.domain.run import RunId
from tui.sync.failures import FIRST_RETRY_S, MAX_RETRY_S, MAX_RUNS, UnreadableRuns

RUN = RunId("run_a")


async def test_waits_between_tries_double_up_to_a_bound() -> None:
    clock = VirtualClock()
    runs = UnreadableRuns(clock)
    wait_s = FIRST_RETRY_S
    for _ in range(9):
        runs.add(RUN)
        await clock.run(wait_s - 0.01)
        assert runs.is_waiting(RUN)
        await clock.run(0.02)
        assert not runs.is_waiting(RUN)
        wait_s = min(2 * wait_s, MAX_RETRY_S)


def test_only_so_many_runs_are_remembered() -> None:
    runs = UnreadableRuns(VirtualClock())
    for number in range(MAX_RUNS + 5):
        runs.add(RunId(f"run_{number}"))
    assert len(runs) == MAX_RUNS
    assert not runs.is_waiting(RunId("run_0"))
    assert runs.is_waiting(RunId(f"run_{MAX_RUNS}"))
