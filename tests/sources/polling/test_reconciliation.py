"""When a live feed is compared with the list."""

import pytest

from tui.sync.lists import RECONCILE_EVERY_S, SETTLING_S, Reconciliation

NOW_S = 100.0


def after_start() -> Reconciliation:
    """A plan right after the feed started, with both comparisons due."""
    return Reconciliation().with_feed(1, NOW_S)


def quiet() -> Reconciliation:
    """A plan after the comparisons of the start are done."""
    return after_start().started().finished().started().finished()


def test_feed_is_compared_twice_after_its_start() -> None:
    plan = after_start()
    assert plan.due_s == (NOW_S, NOW_S + SETTLING_S)
    assert plan.starts(NOW_S)
    plan = plan.started().finished().with_feed(1, NOW_S + 1)
    assert not plan.is_due(NOW_S + SETTLING_S - 0.1)
    assert plan.starts(NOW_S + SETTLING_S)


def test_comparisons_repeat_at_an_interval() -> None:
    plan = quiet().with_feed(1, NOW_S)
    assert plan.due_s == (NOW_S + RECONCILE_EVERY_S,)
    assert plan.with_feed(1, NOW_S + 5) == plan


def test_comparison_in_progress_is_due_but_not_started_again() -> None:
    plan = after_start().started().with_feed(1, NOW_S + 1)
    assert plan.is_due(NOW_S + 1)
    assert not plan.starts(NOW_S + 1)


@pytest.mark.parametrize("is_requested", [True, False], ids=["refresh", "feed restart"])
def test_comparison_starts_again_after_a_refresh_or_restart(is_requested: bool) -> None:
    plan = after_start().started()
    plan = plan.request().with_feed(1, NOW_S + 1) if is_requested else plan.with_feed(2, NOW_S + 1)
    assert plan.due_s == (NOW_S + 1, NOW_S + 1 + SETTLING_S)
    assert plan.starts(NOW_S + 1)
    assert plan.with_feed(plan.feed_start_count, NOW_S + 2) == plan


def test_request_during_a_comparison_outlasts_its_end() -> None:
    plan = quiet().with_feed(1, NOW_S).started().request().finished()
    assert plan.with_feed(1, NOW_S + 40).starts(NOW_S + 40)


def test_failure_plans_all_comparisons_again() -> None:
    plan = quiet().with_feed(1, NOW_S).started().restart()
    assert not plan.is_running
    assert plan.with_feed(1, NOW_S + 1).due_s == (NOW_S + 1, NOW_S + 1 + SETTLING_S)


def test_without_a_feed_nothing_is_due() -> None:
    plan = after_start().started().request().without_feed()
    assert not plan.is_due(NOW_S + 1_000)
    assert plan == Reconciliation(feed_start_count=1)


def test_counts_that_differ_twice_start_a_comparison() -> None:
    plan = quiet().with_feed(1, NOW_S)
    once = plan.with_counts(is_equal=False, now_s=NOW_S + 10)
    assert not once.is_due(NOW_S + 10)
    twice = once.with_counts(is_equal=False, now_s=NOW_S + 20)
    assert twice.due_s == (NOW_S + 20, NOW_S + RECONCILE_EVERY_S)
    assert twice.mismatch_count == 0


def test_counts_that_agree_again_start_no_comparison() -> None:
    plan = quiet().with_feed(1, NOW_S)
    for is_equal in (False, True, False):
        plan = plan.with_counts(is_equal=is_equal, now_s=NOW_S + 10)
    assert not plan.is_due(NOW_S + 10)


def test_counts_add_no_comparison_to_one_that_is_due() -> None:
    plan = after_start()
    for _ in range(2):
        plan = plan.with_counts(is_equal=False, now_s=NOW_S)
    assert plan.due_s == (NOW_S, NOW_S + SETTLING_S)
