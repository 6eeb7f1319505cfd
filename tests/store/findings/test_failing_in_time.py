"""FAILING depends on the runs alone: not on when it is judged, nor on which source knows the runs."""

from collections import Counter
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.domain.judged import CHARGE, MINUTE, ended, normal, own_of
from tests.support.domain.patches import at
from tui.domain.facts import MinutesRead, TaskMinute, WallFacts
from tui.domain.finding import Finding, TaskFails
from tui.domain.update import HistoryRead, RunPatch, RunsRead
from tui.store.findings.counts import OwnCounts
from tui.store.findings.judging import judge
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


@settings(max_examples=30)
@given(histories(), st.sets(st.integers(0, 120), max_size=20), st.integers(0, 600))
def test_failures_that_are_read_late_end_no_finding(runs: list[tuple[int, bool]], late: set[int], later_s: int) -> None:
    now_s, all_runs = runs[-1][0] + later_s, patches(runs)
    known = [run for number, run in enumerate(all_runs) if number not in late or not runs[number][1]]
    store = Store()
    own = own_of(known, at(now_s), at(0), store)
    if finding(normal(), own, now_s):
        for run in all_runs:
            own.on_changes(store.apply(RunsRead((run,))))
            assert finding(normal(), own, now_s)
