"""A world in which tasks fail at their normal rate, and deploys change nothing."""

from collections.abc import Iterable
from random import Random

from tests.support.domain.judged import HOUR, ended
from tests.support.domain.patches import at
from tui.domain.facts import WallFacts
from tui.domain.update import HistoryRead, RunsRead, WindowRead
from tui.store.findings.counts import OwnCounts
from tui.store.findings.judging import judge
from tui.store.store import Store

RUNS_BEFORE, RUNS_AFTER = 60, 25


def false_alarms(seeds: Iterable[int]) -> int:
    """Return in how many worlds a task fails, looked at after each run of the new version. A seed is one deploy."""
    return sum(map(_is_accused, seeds))


def _is_accused(seed: int) -> bool:
    chance, store = Random(seed), Store()
    rate, step_s = chance.uniform(0.01, 0.05), chance.choice((5, 20, 60))
    count = RUNS_BEFORE + RUNS_AFTER
    runs = [
        ended(turn, step_s * (turn + chance.random()), fails=chance.random() < rate, version="12"[turn >= RUNS_BEFORE])
        for turn in range(count)
    ]
    store.apply(HistoryRead(at(-HOUR.total_seconds()), 1, is_complete=True))
    store.apply(WindowRead(at(0), HOUR, is_live_complete=True))
    own = OwnCounts(store)
    for turn, run in enumerate(runs):
        own.on_changes(store.apply(RunsRead((run,))))
        if turn >= RUNS_BEFORE:
            now = at(step_s * (turn + 1))
            own.settle(now)
            if judge(WallFacts(), own, now):
                return True
    return False
