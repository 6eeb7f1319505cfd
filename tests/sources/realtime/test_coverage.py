"""What a live feed tells by itself, and for how long."""

from datetime import timedelta
from typing import Any

from tests.support.domain.patches import at, patch_of, run_of
from tui.domain.ids import RunId
from tui.domain.run import Fixed
from tui.domain.text import Raw
from tui.domain.update import RunPatch
from tui.sources.realtime.coverage import FEED_DELAY, Coverage, Newest, lacks_list
from tui.store.store import Store

HOUR_S = 3600.0


def test_a_feed_that_is_held_for_days_does_not_tell_of_runs_that_are_older_than_one() -> None:
    coverage = Coverage()
    coverage.begin(at(0) - timedelta(hours=24), at(0))
    ten_hours_old = at(-10 * HOUR_S)
    assert coverage.covers(ten_hours_old, at(HOUR_S))
    assert not coverage.covers(ten_hours_old, at(14 * HOUR_S))
    assert not coverage.covers(at(-25 * HOUR_S), at(0))
    # So it did not miss what it could not tell.
    changed_s = 15 * HOUR_S
    for created_s in (-10 * HOUR_S, 10 * HOUR_S):
        row = patch_of(f"run_{created_s:.0f}", "EXECUTING", created=created_s, updated=changed_s)
        coverage.compare([row], Store(), at(changed_s + 60))
    assert coverage.take_comparison() == (1, 1)


def created(number: int) -> RunPatch:
    return RunPatch(RunId(f"run_{number}"), at(number), fixed=Fixed(created_at=at(number)))


def test_it_reaches_back_without_a_bound_while_there_is_room() -> None:
    newest = Newest(3)
    newest.add([created(1), created(2)])
    newest.add([created(2), created(1)])
    assert newest.since is None


def test_a_new_run_takes_the_place_of_the_oldest_and_an_old_one_that_of_nobody() -> None:
    newest = Newest(3)
    newest.add(map(created, (5, 3, 4)))
    assert newest.since == at(3)
    newest.add([created(6)])
    assert newest.since == at(4)
    newest.add([created(1), created(6)])
    assert newest.since == at(4)


def test_what_cannot_be_read_takes_its_place_all_the_same() -> None:
    newest = Newest(3)
    newest.add(map(created, (5, 4)), unread=1)
    assert newest.since == at(4)
    # More than there are places: of the one that could be read changes are told, and of what is older not for certain.
    newest = Newest(3)
    newest.add(map(created, (5, 4)), unread=9)
    assert newest.since == at(5)


def test_a_feed_that_tells_nothing_of_what_changes_is_no_feed() -> None:
    coverage = Coverage()
    coverage.begin(at(-HOUR_S), at(0))

    def compare(now_s: float, *, is_told: bool = False, is_changed: bool = True) -> bool:
        if is_told:
            coverage.note_told()
        changed_s = now_s - 10 if is_changed else -10
        coverage.compare([patch_of("run_1", "EXECUTING", created=-20, updated=changed_s)], Store(), at(now_s))
        coverage.take_comparison()
        return coverage.is_silent

    # In between it told something, or nothing changed.
    assert not compare(30)
    assert not compare(60, is_told=True)
    assert not compare(90)
    assert not compare(120, is_changed=False)
    assert not compare(150)
    assert compare(180)
    coverage.end()
    coverage.begin(at(-HOUR_S), at(200))
    assert not coverage.is_silent


def test_a_change_that_the_feed_may_still_tell_is_not_missed_yet() -> None:
    coverage = Coverage()
    coverage.begin(at(-100), at(0))
    row = patch_of("run_a", "EXECUTING", created=5, updated=10)
    told_by = at(10) + FEED_DELAY
    coverage.compare([row], Store(), told_by)
    assert coverage.take_comparison() == (1, 0)
    coverage.compare([row], Store(), told_by + timedelta(milliseconds=1))
    assert coverage.take_comparison() == (1, 1)
    assert coverage.take_comparison() == (0, 0)


def test_what_changed_before_the_feed_began_it_did_not_miss() -> None:
    coverage = Coverage()
    coverage.begin(at(-100), at(50))
    coverage.compare([patch_of("run_a", "EXECUTING", created=5, updated=10)], Store(), at(90))
    assert coverage.take_comparison() == (1, 0)


def test_the_end_of_a_feed_wakes_who_polls_once_and_a_new_start_of_it_is_no_beginning() -> None:
    woken: list[int] = []
    coverage = Coverage(lambda: woken.append(1))
    coverage.end()
    assert not woken
    for _ in range(3):
        coverage.begin(at(-100), at(0))
    assert coverage.beginnings == 1
    coverage.end()
    coverage.end()
    assert (woken, coverage.is_live) == ([1], False)
    coverage.begin(at(-100), at(20))
    assert coverage.beginnings == 2


def test_a_run_that_started_lacks_its_version_until_a_list_told_it() -> None:
    def is_lacking(word: str, version: str | None, **state: Any) -> bool:
        fixed = Fixed(depth=0, version=None if version is None else Raw(version))
        return lacks_list(run_of("run_a", word, fixed=fixed, state=state))

    assert not is_lacking("QUEUED", None)
    assert is_lacking("EXECUTING", None, started_at=at(1))
    assert not is_lacking("EXECUTING", "1", started_at=at(1))


def test_what_a_feed_had_not_told_when_it_ended_the_next_one_did_not_miss() -> None:
    coverage = Coverage()
    coverage.begin(at(-100), at(0))
    coverage.compare([patch_of("run_a", "EXECUTING", created=5, updated=10)], Store(), at(30))
    coverage.end()
    coverage.begin(at(-100), at(100))
    assert coverage.take_comparison() == (0, 0)
