"""When a live feed is compared with the list."""

import pytest

from tui.sync.lists import RECONCILE_EVERY_S, SETTLING_S, Reconciliation

NOW_S = 100.0


def after_start() -> Reconciliation:
    """A plan right after the feed started, with both comparisons due."""
    plan = Reconciliation()
    plan.plan(1, NOW_S)
    return plan


def quiet() -> Reconciliation:
    """A plan after the comparisons of the start are done, with one of the usual ones."""
    plan = after_start()
    plan.finish()
    plan.finish()
    plan.plan(1, NOW_S)
    return plan


def due_s(plan: Reconciliation) -> list[float]:
    """Return when comparisons are due, to half a second."""
    found: list[float] = []
    for half in range(200):
        while plan.is_due(NOW_S + half / 2):
            found.append(half / 2)
            plan.finish()
    return found


def test_feed_is_compared_twice_after_its_start() -> None:
    assert due_s(after_start()) == [0, SETTLING_S]


def test_comparisons_repeat_at_an_interval() -> None:
    plan = quiet()
    plan.plan(1, NOW_S + 5)
    assert due_s(plan) == [RECONCILE_EVERY_S]


@pytest.mark.parametrize("is_requested", [True, False], ids=["refresh", "feed restart"])
def test_comparison_starts_again_after_a_refresh_or_restart(is_requested: bool) -> None:
    plan = after_start()
    plan.is_running = True
    if is_requested:
        plan.request()
    plan.plan(1 if is_requested else 2, NOW_S + 1)
    assert not plan.is_running
    assert due_s(plan) == [1, 1 + SETTLING_S]


def test_counts_that_differ_twice_start_a_comparison() -> None:
    plan = quiet()
    plan.compare_counts(is_equal=False, now_s=NOW_S + 10)
    assert not plan.is_due(NOW_S + 10)
    plan.compare_counts(is_equal=False, now_s=NOW_S + 20)
    assert due_s(plan) == [20, RECONCILE_EVERY_S]
