"""The stories of the emulator, judged in virtual time: each has its finding, and no other.

`python -m tests.perf --match stories` does the same for twenty seeds of each.
"""

from datetime import UTC, datetime

import pytest

from tests.support.emulator.judged_stories import EXPECTED, mistakes
from tests.support.emulator.world_facts import JudgedWorld
from tui.domain.finding import FindingWord
from tui.domain.run import TaskId
from tui.emulator import stories
from tui.emulator.demo_world import WorldOptions
from tui.store.findings.judging import AT_LIMIT_AFTER, MAX_APPROVAL, MIN_OVERDUE, MISSED_AFTER, OVERDUE_P95S


@pytest.mark.parametrize(("seed", "name"), [*enumerate(EXPECTED)])
def test_story_has_its_finding_and_no_other(seed: int, name: str) -> None:
    assert not [*mistakes(name, seed)]


def test_demo_shows_a_finding_come_and_go_in_two_minutes() -> None:
    options = WorldOptions(1, 2.0, 500, 1.0, datetime(2026, 11, 26, 14, 0, 17, tzinfo=UTC))
    world = options.new_emulator(is_demo=True).make("dev")
    start_ms, judged = world.now_ms, JudgedWorld(world)
    shown = {second: judged.look(start_ms + second * 1_000) for second in (10, 38, 60, 85, 110, 119)}
    assert [second for second, found in shown.items() if found] == [38, 60, 85]
    assert {(each.word, each.task) for found in shown.values() for each in found} == {
        (FindingWord.FAILING, TaskId("process-payment"))
    }


def test_events_of_stories_are_the_bounds_of_the_judgement() -> None:
    # The emulator imports nothing else of this project, so it repeats them.
    assert set(EXPECTED) == set(stories.TALES)
    assert AT_LIMIT_AFTER.total_seconds() * 1000 == stories.QUEUE_WAIT_MS
    assert MISSED_AFTER.total_seconds() * 1000 == stories.MISSED_MS
    assert MAX_APPROVAL.total_seconds() * 1000 == stories.TOKEN_WAIT_MS
    assert MIN_OVERDUE.total_seconds() * 1000 == stories.MIN_OVERDUE_MS
    assert OVERDUE_P95S == stories.OVERDUE_P95S
