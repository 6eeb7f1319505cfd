"""The figures of findings: twenty seeds of each story, and deploys that change nothing."""

from typing import Final

from tests.perf.figures.row import Effort, Reading
from tests.support.domain.deploys import false_alarms
from tests.support.emulator.judged_stories import EXPECTED, mistakes

SEEDS: Final = 20
QUICK_SEEDS: Final = 5

DEPLOYS: Final = 200
MAX_ALARM_SHARE: Final = 0.01


def stories(effort: Effort) -> Reading:
    """Judge every story in virtual time. A mistake is a finding too many, too few, too early, or with another word."""
    seeds = range(int(effort.pick(SEEDS, QUICK_SEEDS)))
    found = [mistake for name in EXPECTED for seed in seeds for mistake in mistakes(name, seed)]
    measured = f"{len(EXPECTED)} x {len(seeds)} worlds, {len(found)} mistakes"
    return Reading("; ".join([measured, *found[:1]]), not found)


def deploys(effort: Effort) -> Reading:
    """Deploy a new version that fails as seldom as the one before, 1 to 5 %: at most 1 of 100 deploys is accused."""
    count = int(effort.pick(DEPLOYS, DEPLOYS // 4))
    alarms = false_alarms(range(count))
    return Reading(f"{alarms} alarms of {count} deploys", alarms <= count * MAX_ALARM_SHARE)
