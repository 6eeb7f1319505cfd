"""The stories of the emulator, judged in virtual time: each has its finding, and no other.

`python -m tests.perf --match stories` does the same for twenty seeds of each.
"""

import pytest

from tests.support.emulator.judged_stories import EXPECTED, mistakes
from tui.emulator.stories import tales
from tui.store.findings.judging.missing import MISSED_AFTER
from tui.store.findings.judging.slow import AT_LIMIT_AFTER
from tui.store.findings.judging.stuck import MAX_APPROVAL, MIN_OVERDUE, OVERDUE_P95S

SEEDS = range(3)


@pytest.mark.parametrize("name", EXPECTED)
def test_story_has_its_finding_and_no_other(name: str) -> None:
    assert not [mistake for seed in SEEDS for mistake in mistakes(name, seed)]


def test_events_of_stories_are_the_bounds_of_the_judgement() -> None:
    # The emulator imports nothing else of this project, so it repeats them.
    assert set(EXPECTED) == set(tales.TALES)
    assert AT_LIMIT_AFTER.total_seconds() * 1000 == tales.QUEUE_WAIT_MS
    assert MISSED_AFTER.total_seconds() * 1000 == tales.MISSED_MS
    assert MAX_APPROVAL.total_seconds() * 1000 == tales.TOKEN_WAIT_MS
    assert MIN_OVERDUE.total_seconds() * 1000 == tales.MIN_OVERDUE_MS
    assert OVERDUE_P95S == tales.OVERDUE_P95S
