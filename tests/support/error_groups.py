"""Error groups for tests of what shows them."""

from datetime import datetime, timedelta
from typing import Any

from tests.support.present.samples import NOW
from tui.domain.error import RunError
from tui.domain.error_kinds import kind_of
from tui.domain.facts import ErrorState
from tui.domain.run import RunId, RunStatus, TaskId
from tui.domain.text import Raw
from tui.features.errors.words import GroupFacts
from tui.store.changes import Changes
from tui.store.error_groups import ErrorGroup, ErrorGroups
from tui.store.store import Store

STACK = "Error: x\n    at createCharge (file:///app/src/lib/stripe.ts:88:11)"


def minutes_ago(minutes: float) -> datetime:
    return NOW - timedelta(minutes=minutes)


def group_of(
    message: str = "No such customer: cus_1",
    *,
    name: str | None = "StripeError",
    stack: str | None = STACK,
    count: int = 131,
    task: str = "charge-card",
    state: ErrorState | None = ErrorState.NEW,
    first: float = 11,
    last: float = 0.1,
    **more: Any,
) -> ErrorGroup:
    """Return a group. `first` and `last` are minutes before `NOW`."""
    error = RunError(Raw(message), None if name is None else Raw(name), None if stack is None else Raw(stack))
    fields: dict[str, Any] = {
        "tasks": ((TaskId(task), count),),
        "versions": ((Raw("20261126.3"), count),),
        "statuses": ((RunStatus.COMPLETED_WITH_ERRORS, count),),
        "run_ids": (RunId("run_cmwvq8czx01jd9f7d7q1t6f0a"),),
        "shared_tags": ((Raw("market:us"), count),),
        "cells": ((0, count),),
    }
    return ErrorGroup(
        kind=kind_of(error), count=count, first_seen=minutes_ago(first), last_seen=minutes_ago(last), state=state,
        **(fields | more),
    )  # fmt: skip


def facts_of(group: ErrorGroup, **more: Any) -> GroupFacts:
    return GroupFacts(group, "last 24h", **more)


def regroup(groups: ErrorGroups, store: Store, changes: Changes) -> None:
    """Regroup the runs that changed, as the view does."""
    for run_id in changes.added | changes.changed | changes.removed:
        groups.update(run_id, store.get(run_id))
