"""Patches are merged into runs."""

from dataclasses import replace
from functools import reduce

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.support.domain.patches import at, patch_of, patches, run_of, stamp, state_of
from tui.domain.error import RunError
from tui.domain.run import (
    ABSENT,
    Attempt,
    AttemptHistory,
    AttemptStatus,
    Body,
    Fixed,
    Precision,
    Run,
    RunId,
    RunStatus,
    TaskId,
    parse_status,
)
from tui.domain.text import Raw
from tui.domain.update import ParentPatch, RunPatch
from tui.store.merge import is_same_row, merge, merge_gone

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


def test_newer_state_wins_at_any_precision() -> None:
    run = run_of("run_a", "COMPLETED", updated=2, state={"precision": Precision.LIST})
    older = patch_of("run_a", "EXECUTING", updated=1, state={"precision": Precision.FEED})
    assert merge(run, older).status is RunStatus.COMPLETED_SUCCESSFULLY


def test_specific_status_wins_independently_of_the_numbers() -> None:
    feed = patch_of("run_a", "INTERRUPTED", state={"precision": Precision.LIST, "cost_cents": 1.0})
    detail = patch_of("run_a", "FAILED", state={"precision": Precision.DETAIL, "cost_cents": 2.0})
    for patches_in_order in ([feed, detail], [detail, feed]):
        state = merge_all(patches_in_order).state
        assert state is not None
        assert (state.status.word, state.cost_cents, state.precision) == ("INTERRUPTED", 2.0, Precision.DETAIL)


@pytest.mark.parametrize("word", ["DEQUEUED", "EXECUTING", "QUEUED", "FROBNICATING"])
@pytest.mark.parametrize("end", ["COMPLETED", "FAILED", "CANCELED", "EXPIRED"])
def test_final_status_wins_at_the_same_time(word: str, end: str) -> None:
    patches_in_order = [patch_of("run_a", word), patch_of("run_a", end)]
    assert merge_all(patches_in_order) == merge_all(patches_in_order[::-1])
    assert merge_all(patches_in_order).is_final


def test_known_status_wins_over_an_unknown_one() -> None:
    assert merge_all([patch_of("run_a", "FROBNICATING"), patch_of("run_a", "EXECUTING")]).status_title == "Executing"


def test_ended_unknown_status_wins_over_the_live_one() -> None:
    open_end = patch_of("run_a", "FROBNICATING")
    ended = replace(open_end, state=replace(state_of("x"), status=parse_status("FROBNICATING", ended=True)))
    assert merge_all([open_end, ended]).is_final
    assert merge_all([ended, open_end]).is_final


def test_patch_without_a_state_keeps_the_state_and_its_time() -> None:
    run = run_of("run_a", "EXECUTING", read=10)
    merged = merge(run, patch_of("run_a", None, read=20, fixed=Fixed(queue=Raw("q")), attempt_count=1))
    assert merged.state is run.state
    assert merged.read_at == at(10)
    assert merged.fixed.queue == "q"


def test_confirmation_changes_only_the_read_time() -> None:
    run = run_of("run_a", read=10, metadata=(stamp(0, Precision.LIST, 10), {"a": 1}))
    again = merge(run, patch_of("run_a", read=20, metadata=(stamp(0, Precision.LIST, 20), {"a": 1})))
    assert again.read_at == at(20)
    assert again.state is run.state
    assert again.fixed is run.fixed
    assert is_same_row(run, again)


def test_late_older_response_does_not_move_the_time_back() -> None:
    run = run_of("run_a", read=20)
    assert merge(run, patch_of("run_a", read=10)) is run


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


def test_known_absence_of_an_error_differs_from_unread() -> None:
    assert run_of("run_a").error is None
    assert run_of("run_a", error=(stamp(), None)).error_facet == (stamp(), None)


def test_runs_of_a_response_share_an_empty_facet() -> None:
    first, second = (
        run_of(name, metadata=(stamp(2, Precision.LIST, 9), {}), error=(stamp(2, Precision.FEED, 9), None), updated=2)
        for name in ("run_a", "run_b")
    )
    assert first.metadata is second.metadata
    assert first.error is second.error
    later = merge(first, patch_of("run_a", "FAILED", updated=3))
    assert later.metadata_facet == (stamp(2, Precision.LIST, 9), {})
    assert later.error_facet == (stamp(2, Precision.FEED, 9), None)


def test_runs_share_equal_fixed_fields() -> None:
    first, second, third = (
        run_of(name, fixed=Fixed(task=TaskId("sync"), version=Raw(version)), created=created)
        for name, version, created in (("run_a", "1", 0), ("run_b", "1", 1), ("run_c", "2", 2))
    )
    assert first.fixed is second.fixed
    assert third.fixed != first.fixed
    known = [merge(run, patch_of(run.id, fixed=Fixed(queue=Raw("q")))).fixed for run in (first, second)]
    assert known[0] is known[1]
    assert known[0] == Fixed(task=TaskId("sync"), version=Raw("1"), queue=Raw("q"))


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


def test_second_attempt_alone_changes_the_row() -> None:
    run = run_of("run_a", attempt_count=1)
    merged = merge(run, patch_of("run_a", attempt_count=2))
    assert merged.status_title == "Reattempting"
    assert not is_same_row(run, merged)


def test_children_are_complete_since_the_last_full_list() -> None:
    run = run_of("run_a", read=10, kind=ParentPatch)
    assert merge(run, patch_of("run_a", read=20)).children_read_at == at(10)
    assert merge(run, patch_of("run_a", read=30, kind=ParentPatch)).children_read_at == at(30)


def test_run_is_gone_until_it_is_read_again() -> None:
    gone = merge_gone(run_of("run_a", read=10), RunId("run_a"), at(20))
    assert gone.is_gone
    assert merge_gone(gone, RunId("run_a"), at(15)) is gone
    back = merge(gone, patch_of("run_a", read=30))
    assert not back.is_gone
    assert not is_same_row(gone, back)
    assert merge_gone(back, RunId("run_a"), at(20)) is back
