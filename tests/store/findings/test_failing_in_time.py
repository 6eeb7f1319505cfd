"""Failing tasks: by their runs alone, against what was usual before, and after a deploy."""

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.domain.deploys import false_alarms
from tests.support.domain.judged import CHARGE, MINUTE, ended, every, judged, normal, own_of
from tests.support.domain.patches import at
from tui.domain.facts import MinutesRead, TaskMinute, WallFacts
from tui.domain.finding import Finding, FindingWord, TaskFails
from tui.domain.run import Fixed
from tui.domain.text import Raw
from tui.domain.update import HistoryRead, RunPatch
from tui.store.findings.counts import OwnCounts
from tui.store.findings.judging import judge, lacks_runs_before
from tui.store.store import Store

FIRST_S = 7_200
HISTORY_S = 3 * 3_600


@st.composite
def histories(draw: st.DrawFn) -> list[tuple[int, bool]]:
    """Return when runs ended, and whether they failed: some spans, each with its own rate and share of failures."""
    second, runs = FIRST_S + draw(st.integers(0, 59)), list[tuple[int, bool]]()
    for _ in range(draw(st.integers(1, 4))):
        step_s, turns = draw(st.sampled_from([2, 7, 30, 61, 300, 600])), draw(st.integers(1, 30))
        every = draw(st.sampled_from([0, 1, 1, 2, 3, 20]))
        for turn in range(turns):
            second += step_s
            runs.append((second, every > 0 and turn % every == 0))
    return runs


def patches(runs: list[tuple[int, bool]]) -> list[RunPatch]:
    return [ended(number, second, fails=fails) for number, (second, fails) in enumerate(runs)]


def minutes_of(runs: list[tuple[int, bool]], read_s: int) -> MinutesRead:
    """Return what the server answers about the runs at a time."""
    known = Counter((second // 60 * 60, fails) for second, fails in runs if second < read_s)
    cells = tuple(
        TaskMinute(CHARGE, at(cell), done=done, failed=failed, ended=done + failed)
        for cell in sorted({cell for cell, _ in known})
        for done, failed in [(known[cell, False], known[cell, True])]
    )
    begin_s = read_s // 60 * 60
    return MinutesRead(at(read_s), at(begin_s - 3_600), MINUTE, cells, ends_since=at(begin_s - HISTORY_S))


def finding(facts: WallFacts, own: OwnCounts, now_s: int) -> Finding | None:
    own.settle(at(now_s))
    return next(iter(judge(facts, own, at(now_s))), None)


def assert_ends_once(seen: list[Finding | None]) -> None:
    words = [each is not None for each in seen]
    assert words == sorted(words, reverse=True), seen
    assert len({(each.since, each.evidence) for each in seen if each is not None}) <= 1


looks = st.lists(st.tuples(st.integers(1, 1_500), st.integers(0, 130), st.integers(0, 4_000)), min_size=2, max_size=6)


@given(histories(), looks, st.booleans())
def test_finding_ends_once_while_no_run_ends(
    runs: list[tuple[int, bool]], looks: list[tuple[int, int, int]], is_usual: bool
) -> None:
    """Whenever the server was asked, and while the list is read again."""
    store, now_s = Store(), runs[-1][0]
    own, seen = own_of(patches(runs), at(now_s), at(0), store), list[Finding | None]()
    for later_s, age_s, reread_s in looks:
        now_s += later_s
        facts = normal() if is_usual else WallFacts()
        seen.append(finding(replace(facts, minutes=minutes_of(runs, now_s - age_s)), own, now_s))
        store.apply(HistoryRead(at(now_s - reread_s), 100, is_complete=False))
    assert_ends_once(seen)


@given(histories(), st.integers(0, 3_000), st.integers(0, 65), st.integers(0, 12_000), st.booleans())
def test_process_that_begins_now_finds_the_same(
    runs: list[tuple[int, bool]], later_s: int, age_s: int, reached_s: int, is_usual: bool
) -> None:
    now_s = runs[-1][0] + later_s
    facts = normal() if is_usual else WallFacts()
    facts = replace(facts, minutes=minutes_of(runs, now_s - age_s))
    first = finding(facts, own_of(patches(runs), at(now_s), at(0)), now_s)
    since_s = min(now_s - 300, now_s - reached_s)
    listed = own_of(patches([run for run in runs if run[0] >= since_s]), at(now_s), at(since_s))
    second = finding(facts, listed, now_s)
    if first is not None and (first.since >= at(since_s) or second is not None):
        assert second is not None
        assert second.since == first.since
        first_said, second_said = first.evidence, second.evidence
        assert isinstance(first_said, TaskFails)
        assert isinstance(second_said, TaskFails)
        assert replace(first_said, only_version=None) == replace(second_said, only_version=None)


def test_a_task_that_always_failed_needs_7_days_to_be_normal() -> None:
    half = [*every(4, 0, 7200, fails=True), *every(4, 2, 7200, 20_000)]
    (found,) = judged(half, WallFacts())
    assert isinstance(found.evidence, TaskFails)
    assert found.evidence.normal_rate is None


def test_the_normal_is_that_before_the_streak() -> None:
    begin = [*every(2, 0, 3600, version="1"), ended(9_999, 1801, fails=True)]
    for step_s in (4, 25):
        bad = [*every(step_s, 3600, 7200, 10_000, fails=True), *every(step_s, 3602, 7200, 20_000)]
        (found,) = judged([*begin, *bad], WallFacts())
        assert isinstance(found.evidence, TaskFails)
        assert found.since == at(3600)
        assert found.evidence.normal_rate is not None
        assert found.evidence.normal_rate < 0.01


BEFORE = every(300, -7_200, 0, version="1")
"""Most of these runs are too old to be a normal of other days, so that only the deploy can count."""


def deployed(count: int, first: int = 10_000, begin_s: int = 6600, **more: Any) -> list[RunPatch]:
    return every(30, begin_s, begin_s + 30 * count, first, **{"fails": True, "version": "2", **more})


def test_four_failures_of_a_new_version_are_enough() -> None:
    assert judged([*BEFORE, *deployed(3)], WallFacts()) == ()
    (found,) = judged([*BEFORE, *deployed(4)], WallFacts())
    assert (found.word, found.since) == (FindingWord.FAILING, at(6600))
    assert found.evidence == TaskFails(4, 4, Raw("2"), None, at(6660), last_failed_at=at(6660))
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
