"""A new version that fails from its first run on is found at its fourth failure, and chance is not."""

from dataclasses import replace
from typing import Any

import pytest

from tests.support.domain.deploys import false_alarms
from tests.support.domain.judged import CHARGE, ended, every, judged, own_of
from tests.support.domain.patches import at
from tui.domain.facts import WallFacts
from tui.domain.finding import FindingWord, TaskFails
from tui.domain.run import Fixed
from tui.domain.text import Raw
from tui.domain.update import RunPatch
from tui.store.findings.judging import lacks_runs_before

BEFORE = every(300, -7_200, 0, version="1")
"""Most of these runs are too old to be a normal of other days, so that only the deploy can count."""


def deployed(count: int, first: int = 10_000, begin_s: int = 6600, **more: Any) -> list[RunPatch]:
    return every(30, begin_s, begin_s + 30 * count, first, **{"fails": True, "version": "2", **more})


def test_four_failures_of_a_new_version_are_enough() -> None:
    assert judged([*BEFORE, *deployed(3)], WallFacts()) == ()
    (found,) = judged([*BEFORE, *deployed(4)], WallFacts())
    assert (found.word, found.since) == (FindingWord.FAILING, at(6600))
    assert found.evidence == TaskFails(4, 4, Raw("2"), None, at(6660))
    assert judged([*BEFORE, *deployed(4, version="1")], WallFacts()) == (), "no deploy"
    done_first = [*BEFORE, *deployed(3, 9_000, 6510, fails=False), *deployed(4)]
    assert judged(done_first, WallFacts()) == (), "four of seven"


def test_runs_before_a_failing_version_are_missed_while_unread() -> None:
    for before, is_lacking in ((BEFORE[-19:], True), (BEFORE[-20:], False)):
        assert lacks_runs_before(own_of([*before, *deployed(4)])) is is_lacking
    assert not lacks_runs_before(own_of(deployed(3)))


def test_a_version_before_that_failed_too_is_no_measure() -> None:
    for every_nth, is_found in ((13, True), (10, False)):
        before = [ended(turn, 3600 + 60 * turn, fails=turn % every_nth == 1, version="1") for turn in range(50)]
        few = [*before[:5], *deployed(4)]
        assert judged(few, WallFacts()) == (), "too few to compare with"
        found = judged([*before, *deployed(4)], WallFacts())
        assert bool(found) is is_found


def test_three_healthy_runs_end_four_failures() -> None:
    bad = [*BEFORE, *deployed(4)]
    for version in ("2", "3"):
        healed = deployed(3, 20_000, 6720, fails=False, version=version)
        assert judged([*bad, *healed[:2]], WallFacts())
        assert judged([*bad, *healed], WallFacts()) == ()


@pytest.mark.parametrize(("depth", "step_s", "is_found"), [(0, 0.2, False), (0, 2, True), (1, 9, False), (1, 11, True)])
def test_runs_that_were_created_together_count_once(depth: int, step_s: float, is_found: bool) -> None:
    batch = [
        replace(ended(10_000 + turn, 6600 + step_s * turn, fails=True), fixed=Fixed(CHARGE, depth, version=Raw("2")))
        for turn in range(4)
    ]
    assert bool(judged([*BEFORE, *batch], WallFacts())) is is_found


def test_deploys_that_change_nothing_raise_no_alarm() -> None:
    assert false_alarms(range(20)) == 0
