"""The state of an error group: whether it is new, failed again after it was resolved, or is acknowledged."""

from collections.abc import Collection
from datetime import datetime
from enum import StrEnum

from tui.domain.errors.server_group import ServerErrorGroup


class ErrorState(StrEnum):
    """The state of an error group in a span of time."""

    NEW = "new"
    REGRESSED = "regressed"
    ACKNOWLEDGED = "acknowledged"
    UNRESOLVED = "unresolved"


def state_of(theirs: Collection[ServerErrorGroup], since: datetime, now: datetime) -> ErrorState | None:
    """Return the state of a group of ours that holds these of the server's; None if they do not say it.

    The server does not normalise messages: a group of ours may hold many of its groups. Ours is NEW if any of them is
    new since `since`, regressed if one was resolved and failed again, and acknowledged only if all are.
    """
    if any(group.is_new(since) for group in theirs):
        return ErrorState.NEW
    if any(group.is_regressed for group in theirs):
        return ErrorState.REGRESSED
    if not theirs or any(group.status is None for group in theirs):
        return None
    if all(group.is_acknowledged(now) for group in theirs):
        return ErrorState.ACKNOWLEDGED
    return ErrorState.UNRESOLVED
