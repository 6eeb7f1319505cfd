"""The store keeps facts that are not runs."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.domain.patches import at, moments, patch_of
from tui.domain.action import ActionPhase, ActionStatus
from tui.domain.run import Capability, Environment, RunId, RunStatus
from tui.domain.text import Raw
from tui.domain.update import (
    BudgetRead,
    CapabilityLost,
    CountsRead,
    EnvironmentRead,
    HistoryRead,
    RunsRead,
    SourceConnected,
    SourceRetrying,
    SourceStopped,
    Update,
)
from tui.store.changes import Topic
from tui.store.store import Store

A = RunId("run_a")
DEV = Environment(Raw("dev"), "DEVELOPMENT", Raw("shop"), Raw("acme"))


@pytest.mark.parametrize(
    ("update", "topic"),
    [
        (CountsRead({RunStatus.QUEUED: 1}, at(0), 24), Topic.COUNTS),
        (EnvironmentRead(DEV, at(0)), Topic.ENVIRONMENT),
        (EnvironmentRead(None, at(0)), Topic.ENVIRONMENT),
        (CapabilityLost(Capability.QUERY, "403"), Topic.CAPABILITIES),
        (SourceConnected("rest", at(0), 2.0), Topic.SOURCES),
        (SourceRetrying("rest", at(0), at(4), 1, "no route"), Topic.SOURCES),
        (SourceStopped("rest", at(0), "Invalid API key"), Topic.SOURCES),
        (HistoryRead(at(0), 100, False), Topic.HISTORY),
        (BudgetRead(750, 700), Topic.BUDGET),
        (ActionStatus(A, "cancel", 1, ActionPhase.REQUESTED, at(0)), Topic.ACTIONS),
    ],
)
def test_fact_changes_its_topic_only_once(update: Update, topic: Topic) -> None:
    store = Store()
    assert store.apply(update).topics == {topic}
    assert store.apply(update).is_empty


def test_facts_are_stored_unchanged() -> None:
    store = Store()
    updates: list[Update] = [
        EnvironmentRead(DEV, at(0)),
        CapabilityLost(Capability.TRACE, "403"),
        SourceConnected("rest", at(0), 2.0),
        SourceStopped("feed", at(1), "gone"),
        HistoryRead(at(0), 100, True),
        BudgetRead(750, 700),
    ]
    for update in updates:
        store.apply(update)
    assert (store.environment, store.is_environment_known) == (DEV, True)
    assert store.lost_capabilities == {Capability.TRACE: "403"}
    assert store.source_statuses == {"rest": updates[2], "feed": updates[3]}
    assert (store.history, store.budget) == (updates[4], updates[5])
    store.apply(EnvironmentRead(None, at(1)))
    assert (store.environment, store.is_environment_known) == (None, True), "the server refused to name it"


def test_late_older_count_is_dropped() -> None:
    store = Store()
    newer = CountsRead({RunStatus.QUEUED: 2}, at(1), 24)
    store.apply(newer)
    assert store.apply(CountsRead({RunStatus.QUEUED: 1}, at(0), 24)).is_empty
    assert store.server_counts == newer


def test_action_changes_the_row_but_not_the_run() -> None:
    store = Store()
    store.apply(RunsRead((patch_of("run_a"),)))
    run = store.get(A)
    changes = store.apply(ActionStatus(A, "cancel", 1, ActionPhase.REQUESTED, at(0)))
    assert changes.changed == {A}
    assert changes.transitions == []
    assert store.get(A) is run


def test_action_is_dropped_with_its_run() -> None:
    store = Store(max_runs=0)
    store.pin([A])
    store.apply(RunsRead((patch_of("run_a", "COMPLETED"),)))
    store.apply(ActionStatus(A, "replay", 1, ActionPhase.REQUESTED, at(0)))
    store.unpin([A])
    store.apply(RunsRead(()))
    assert A not in store.actions


actions = st.builds(
    ActionStatus, st.just(A), st.just("cancel"), st.integers(1, 2), st.sampled_from(ActionPhase), moments
)


@given(
    st.lists(actions, min_size=1, max_size=6).flatmap(
        lambda updates: st.tuples(st.just(updates), st.permutations(updates))
    )
)
def test_actions_never_go_back_in_any_order(
    both: tuple[list[ActionStatus], list[ActionStatus]],
) -> None:
    updates, shuffled = both
    ends: list[ActionStatus] = []
    for order in (updates, shuffled):
        store = Store()
        seen = [store.actions[A] for action in order if store.apply(action).topics]
        numbers = [action.number for action in seen]
        assert numbers == sorted(numbers)
        for first, second in itertools.pairwise(seen):
            assert first.number < second.number or not (first.phase.is_end and not second.phase.is_end)
        ends.append(store.actions[A])
    assert ends[0] == ends[1]


def test_unknown_action_may_still_be_confirmed() -> None:
    store = Store()
    store.apply(ActionStatus(A, "cancel", 1, ActionPhase.UNKNOWN, at(5)))
    store.apply(ActionStatus(A, "cancel", 1, ActionPhase.ACCEPTED, at(6)))
    assert store.actions[A].phase is ActionPhase.UNKNOWN
    store.apply(ActionStatus(A, "cancel", 1, ActionPhase.CONFIRMED, at(7)))
    assert store.actions[A].phase is ActionPhase.CONFIRMED
