"""Patches are merged into runs, and changes into one."""

from dataclasses import replace
from functools import reduce
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.support.domain.patches import at, bodies, errors, histories, json_values, patch_of, patches, run_of, stamp
from tests.support.sure import sure
from tui.domain.error import RunError
from tui.domain.run import ABSENT, Attempt, AttemptHistory, AttemptStatus, Body, Fixed, Precision, Run, RunId, TaskId
from tui.domain.text import Raw
from tui.domain.update import RunPatch
from tui.store.changes import Changes, Topic
from tui.store.merge import canonical, is_same, is_same_row, merge, merge_gone

one_run = patches.map(lambda patch: replace(patch, id=RunId("run_a")))


def merge_all(patches_in_order: list[RunPatch]) -> Run:
    run = reduce(merge, patches_in_order[1:], merge(None, patches_in_order[0]))
    assert isinstance(run, Run)
    return run


@given(
    st.lists(one_run, min_size=1, max_size=5).flatmap(
        lambda patches_in_order: st.tuples(st.just(patches_in_order), st.permutations(patches_in_order))
    )
)
def test_patches_give_the_same_run_in_any_order(both: tuple[list[RunPatch], list[RunPatch]]) -> None:
    patches_in_order, shuffled = both
    assert merge_all(patches_in_order) == merge_all(shuffled)


@given(st.lists(one_run, min_size=1, max_size=4), st.data())
def test_repeated_patch_returns_the_same_object(patches_in_order: list[RunPatch], data: st.DataObject) -> None:
    run = merge_all(patches_in_order)
    assert merge(run, data.draw(st.sampled_from(patches_in_order))) is run


@given(one_run, one_run)
@example(RunPatch(RunId("run_a"), at(0)), RunPatch(RunId("run_a"), at(0), Fixed()))
def test_run_is_the_same_object_exactly_if_it_is_equal(first: RunPatch, second: RunPatch) -> None:
    run = merge(None, first)
    merged = merge(run, second)
    assert (merged is run) == (merged == run)


@given(one_run)
def test_first_patch_is_kept_as_it_is(patch: RunPatch) -> None:
    run = merge(None, patch)
    assert run.fixed == (patch.fixed or Fixed())
    assert run.state is patch.state


def test_set_field_is_never_erased() -> None:
    run = run_of("run_a", fixed=Fixed(task=TaskId("sync"), version=Raw("1"), is_test=False))
    merged = merge(run, patch_of("run_a", fixed=Fixed(depth=0)))
    assert merged.fixed == Fixed(task=TaskId("sync"), version=Raw("1"), is_test=False, depth=0)


def test_specific_status_wins_independently_of_the_numbers() -> None:
    feed = patch_of("run_a", "INTERRUPTED", state={"precision": Precision.LIST, "cost_cents": 1.0})
    detail = patch_of("run_a", "FAILED", state={"precision": Precision.DETAIL, "cost_cents": 2.0})
    for patches_in_order in ([feed, detail], [detail, feed]):
        state = sure(merge_all(patches_in_order).state)
        assert (state.status.word, state.cost_cents, state.precision) == ("INTERRUPTED", 2.0, Precision.DETAIL)


@pytest.mark.parametrize("word", ["DEQUEUED", "EXECUTING", "QUEUED", "FROBNICATING"])
@pytest.mark.parametrize("end", ["COMPLETED", "FAILED", "CANCELED", "EXPIRED"])
def test_final_status_wins_at_the_same_time(word: str, end: str) -> None:
    patches_in_order = [patch_of("run_a", word), patch_of("run_a", end)]
    assert merge_all(patches_in_order) == merge_all(patches_in_order[::-1])
    assert merge_all(patches_in_order).is_final


def test_known_status_wins_over_an_unknown_one() -> None:
    assert merge_all([patch_of("run_a", "FROBNICATING"), patch_of("run_a", "EXECUTING")]).status_title == "Executing"


def test_full_error_of_a_trace_wins_over_a_later_code() -> None:
    blurred = RunError(Raw("trigger.dev internal error (X)"), code="X", has_code_only=True)
    true = RunError(Raw("boom"), code="X")
    patches_in_order = [
        patch_of("run_a", "CRASHED", error=(stamp(5, Precision.TRACE, 10), true)),
        patch_of("run_a", "CRASHED", error=(stamp(5, Precision.DETAIL, 99), blurred)),
    ]
    for order in (patches_in_order, patches_in_order[::-1]):
        error = merge_all(order).error_value
        assert error == true


def test_payload_that_is_read_again_after_the_end_is_a_change() -> None:
    run = run_of("run_a", body=(stamp(1), Body(payload=1)))
    again = merge(run, patch_of("run_a", body=(stamp(2), Body(payload=1))))
    assert not is_same_row(run, again)
    assert is_same_row(again, merge(again, patch_of("run_a", body=(stamp(2, read=200), Body(payload=1)))))


def test_newer_detail_may_remove_the_body() -> None:
    run = run_of("run_a", body=(stamp(1), Body(payload=None, output=1)))
    merged = merge(run, patch_of("run_a", body=(stamp(2), Body(payload=None))))
    assert merged.body == (stamp(2), Body(payload=None, output=ABSENT))


def test_last_read_attempts_win_at_the_same_time() -> None:
    first = AttemptHistory((Attempt(1, AttemptStatus.EXECUTING),))
    second = AttemptHistory((Attempt(1, AttemptStatus.FAILED), Attempt(2, AttemptStatus.EXECUTING)))
    run = run_of("run_a", attempts=(stamp(0, Precision.TRACE, 10), first))
    merged = merge(run, patch_of("run_a", attempts=(stamp(0, Precision.TRACE, 11), second)))
    assert merged.attempts is not None
    assert merged.attempts[1] is second


def test_attempt_count_never_falls() -> None:
    assert merge(run_of("run_a", attempt_count=3), patch_of("run_a", attempt_count=1)).attempt_count == 3


def test_run_is_gone_until_it_is_read_again() -> None:
    gone = merge_gone(run_of("run_a", read=10), RunId("run_a"), at(20))
    assert gone.is_gone
    assert merge_gone(gone, RunId("run_a"), at(15)) is gone
    back = merge(gone, patch_of("run_a", read=30))
    assert not back.is_gone
    assert not is_same_row(gone, back)
    assert merge_gone(back, RunId("run_a"), at(20)) is back


values = json_values | bodies | errors | histories


@given(st.lists(values, min_size=2, max_size=2))
def test_values_share_a_text_exactly_if_they_are_equal(pair: list[object]) -> None:
    first, second = pair
    assert (canonical(first) == canonical(second)) == (first == second)


def test_numbers_out_of_bounds_have_a_text() -> None:
    assert canonical(10**10_000) != canonical(10**10_000 + 1)
    assert len({canonical(float(word)) for word in ("inf", "-inf", "nan")}) == 3


def nested(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value


def test_values_nested_deeper_than_the_stack_are_compared() -> None:
    assert is_same(nested(50_000), nested(50_000))
    assert not is_same(nested(50_000), nested(50_001))


A = RunId("run_a")


def added() -> Changes:
    return Changes(added={A}, topics={Topic.RUNS})


def changed() -> Changes:
    return Changes(changed={A}, topics={Topic.RUNS})


def removed() -> Changes:
    return Changes(removed={A}, topics={Topic.RUNS})


def sum_of(*parts: Changes) -> Changes:
    total = Changes()
    for part in parts:
        total.merge(part)
    return total


# The possible histories of one run: it is added, changed while it is there, removed, and added again.
lives = st.lists(st.sampled_from(["come", "change", "go"]), max_size=8)


@given(lives, st.booleans(), st.data())
def test_merged_changes_say_what_became_of_the_run(steps: list[str], is_there: bool, data: st.DataObject) -> None:
    parts: list[Changes] = []
    for step in steps:
        if step == "come" and not is_there:
            parts.append(added())
            is_there = True
        elif step == "change" and is_there:
            parts.append(changed())
        elif step == "go" and is_there:
            parts.append(removed())
            is_there = False
    cut = data.draw(st.integers(0, len(parts)))
    total = sum_of(*parts)
    assert sum_of(sum_of(*parts[:cut]), sum_of(*parts[cut:])) == total
    if not parts:
        assert total.is_empty
    elif not is_there:
        assert total == removed()
    else:
        assert total == (added() if added() in parts else changed())
