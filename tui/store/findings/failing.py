"""The error groups that occurred in the last hour, for wall and overview: those of the store and those of the server.

The store knows the errors of the runs that it has read. The server counts all of them, but neither normalises messages
nor sends frames. A group of the server that no group of the store holds is a row of its own.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from tui.domain.errors.kinds import OwnFrame
from tui.domain.errors.messages.normalise import normalise
from tui.domain.errors.server_group import ServerErrorGroup
from tui.domain.ids import RunId, TaskId
from tui.domain.text import Raw
from tui.lazy_dataclass import dataclass
from tui.store.errors.error_group import ErrorGroup
from tui.store.errors.states import ErrorState, state_of

_WORST_FIRST: Final = (ErrorState.NEW, ErrorState.REGRESSED)
_SHORT_FINGERPRINT: Final = 8
_HOUR: Final = timedelta(hours=1)
_SPARE_HOURS: Final = 2
"""A run is created before it fails, and the list stays open for a while."""

_MAX_HOURS: Final = 24
"""A group that is older than the list's usual period is listed without an age."""


@dataclass(frozen=True, slots=True)
class FailingGroup:
    """An error group of the last hour.

    * `state`: None if it is not known.
    * `line`: the line of the first own frame in the newest failure, None if it is not known.
    * `since`: when the group was first seen; for one that regressed, when it failed again.
    * `filter_text`: the filter that lists its runs since then. It names whole hours, at least one too many.
    """

    count: int
    task: TaskId
    message: Raw
    since: datetime | None
    filter_text: str
    state: ErrorState | None = None
    task_count: int = 1
    type: Raw | None = None
    frame: OwnFrame | None = None
    line: int | None = None
    versions: tuple[Raw, ...] = ()
    newest: RunId | None = None

    @property
    def is_acknowledged(self) -> bool:
        """Whether it was acknowledged."""
        return self.state is ErrorState.ACKNOWLEDGED


class FailingNow(NamedTuple):
    """The groups, worst first.

    * `unread_count`: failed runs whose error neither the store nor the server has.
    * `is_known`: whether the groups were counted at all.
    * `known_since`: the time from which on all failures are known, if that is not the whole hour.
    * `problem`: why the server's groups are not there, as a sentence without a stop; empty if they are.
    """

    groups: tuple[FailingGroup, ...] = ()
    unread_count: int = 0
    is_known: bool = False
    problem: str = ""
    known_since: datetime | None = None

    @property
    def failed_count(self) -> int:
        """The failed runs of all groups, and those whose error is not known."""
        return sum(group.count for group in self.groups) + self.unread_count

    @property
    def acknowledged_count(self) -> int:
        """The failed runs of acknowledged groups."""
        return sum(group.count for group in self.groups if group.is_acknowledged)


def failing_now(
    groups: Iterable[ErrorGroup], server: Sequence[ServerErrorGroup], since: datetime, now: datetime
) -> tuple[FailingGroup, ...]:
    """Return the groups with a failure at `since` or later, worst first.

    Worst first: new, regressed, the rest, acknowledged; within each, the greatest number first. A group of which the
    server has not told yet, as it does once a minute, stands with the new ones: a new one would come in last.
    """
    ours = list(groups)
    joined = {each.id for group in ours for each in group.server_groups}
    rows = [_of_store(group, now) for group in ours]
    rows += [
        _of_server(group, since, now)
        for group in server
        if group.id not in joined and group.count and (group.last_seen is None or group.last_seen >= since)
    ]
    return tuple(sorted(rows, key=_rank))


def _rank(group: FailingGroup) -> tuple[int, int, str, str]:
    if group.state is None:
        place = _WORST_FIRST.index(ErrorState.NEW)
    else:
        place = _WORST_FIRST.index(group.state) if group.state in _WORST_FIRST else len(_WORST_FIRST)
    return place + group.is_acknowledged, -group.count, group.task, group.message


def _of_store(group: ErrorGroup, now: datetime) -> FailingGroup:
    first_seen = [each.first_seen for each in group.server_groups if each.first_seen is not None]
    since = group.first_seen if group.state is ErrorState.REGRESSED else min([group.first_seen, *first_seen])
    return FailingGroup(
        count=max([group.count, *_server_count(group)]),
        task=group.tasks[0][0] if group.tasks else TaskId(""),
        task_count=len(group.tasks),
        type=group.kind.type,
        message=group.kind.message,
        since=since,
        filter_text=f"group:{group.fingerprint[:_SHORT_FINGERPRINT]}{_age_word(since, now)}",
        state=group.state,
        frame=group.kind.frame,
        versions=tuple(version for version, _ in group.versions),
        newest=group.run_ids[0] if group.run_ids else None,
    )


def _server_count(group: ErrorGroup) -> tuple[int, ...]:
    """Return the server's number of failures, if it counts every group that this one holds."""
    counts = [each.count for each in group.server_groups]
    return (sum(count for count in counts if count is not None),) if counts and None not in counts else ()


def _of_server(group: ServerErrorGroup, since: datetime, now: datetime) -> FailingGroup:
    state = state_of((group,), since, now)
    began_at = group.last_seen if state is ErrorState.REGRESSED else group.first_seen
    return FailingGroup(
        count=group.count or 0,
        task=group.task,
        type=group.type,
        message=normalise(group.message),
        since=began_at,
        filter_text=f"status:failures task:{group.task}{_age_word(began_at, now)}",
        state=state,
        versions=() if group.detail is None else group.detail.versions,
    )


def _age_word(since: datetime | None, now: datetime) -> str:
    """Return a word for a filter that leaves out runs from long before `since`; empty if it is not known, or is old."""
    hours = _MAX_HOURS if since is None else (now - since) // _HOUR + _SPARE_HOURS
    return f" age:<{hours}h" if hours < _MAX_HOURS else ""
