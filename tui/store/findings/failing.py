"""The error groups that occurred in the last hour, for wall and overview: those of the store and those of the server.

The store knows the errors of the runs that it has read. The server counts all of them, but neither normalises messages
nor sends frames. A group of the server that no group of the store holds is a row of its own, and its runs are those
that the server lists for it. Source: tests/wire/recordings/README.md §11 (recordings 057, 1031, 1032).
"""

from collections import Counter
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import field
from datetime import datetime
from typing import Final, NamedTuple

from tui.domain.errors.kinds import OwnFrame
from tui.domain.errors.messages.normalise import normalise
from tui.domain.errors.server_group import ServerErrorGroup
from tui.domain.filters import RunFilters
from tui.domain.ids import ErrorGroupId, RunId, TaskId
from tui.domain.text import Raw
from tui.lazy_dataclass import dataclass
from tui.store.errors.error_group import ErrorGroup
from tui.store.errors.states import ErrorState, state_of

_WORST_FIRST: Final = (ErrorState.NEW, ErrorState.REGRESSED)
_SHORT_FINGERPRINT: Final = 8
_LAST_HOUR: Final = "age:<1h"
"""A row lists the runs that it counts."""


@dataclass(frozen=True, slots=True)
class FailingGroup:
    """An error group of the last hour.

    * `state`: None if it is not known.
    * `line`: the line of the first own frame in the newest failure, None if it is not known.
    * `since`: when the group was first seen; for one that regressed, when it failed again.
    * `filter_text`: the filter that lists its runs of the last hour.
    * `filters`: the server's filters that list them, where the store does not know all of them.
    * `server_id`: the server's group that it is, if it is one.
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
    filters: RunFilters = field(default_factory=RunFilters)
    server_id: ErrorGroupId | None = None

    @property
    def identity(self) -> Hashable:
        """What identifies the group among others: the server has several with messages that are one for us."""
        return self.task, self.server_id or (self.type, self.message, self.frame)

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
    holders = Counter(each.id for group in ours for each in group.server_groups)
    rows = [_of_store(group, holders) for group in ours]
    rows += [
        _of_server(group, since, now)
        for group in server
        if group.id not in holders and group.count and (group.last_seen is None or group.last_seen >= since)
    ]
    return tuple(sorted(rows, key=_rank))


def _rank(group: FailingGroup) -> tuple[int, int, str, str]:
    if group.state is None:
        place = _WORST_FIRST.index(ErrorState.NEW)
    else:
        place = _WORST_FIRST.index(group.state) if group.state in _WORST_FIRST else len(_WORST_FIRST)
    return place + group.is_acknowledged, -group.count, group.task, group.message


def _of_store(group: ErrorGroup, holders: Mapping[ErrorGroupId, int]) -> FailingGroup:
    first_seen = [each.first_seen for each in group.server_groups if each.first_seen is not None]
    since = group.first_seen if group.state is ErrorState.REGRESSED else min([group.first_seen, *first_seen])
    theirs = _only_server_group(group, holders)
    count = group.count if theirs is None else max(group.count, theirs.count or 0)
    is_listed_by_server = count > group.count
    fingerprint = f"group:{group.fingerprint[:_SHORT_FINGERPRINT]} "
    return FailingGroup(
        count=count,
        task=group.tasks[0][0] if group.tasks else TaskId(""),
        task_count=len(group.tasks),
        type=group.kind.type,
        message=group.kind.message,
        since=since,
        filter_text=f"{'' if is_listed_by_server else fingerprint}{_LAST_HOUR}",
        state=group.state,
        frame=group.kind.frame,
        versions=tuple(version for version, _ in group.versions),
        newest=group.run_ids[0] if group.run_ids else None,
        filters=_filters_of(theirs) if theirs is not None and is_listed_by_server else RunFilters(),
        server_id=None if theirs is None else theirs.id,
    )


def _only_server_group(group: ErrorGroup, holders: Mapping[ErrorGroupId, int]) -> ServerErrorGroup | None:
    """Return the server's group that a group is, if it is only one, and no other group holds it too.

    Then its count is that of the group, and it can be listed. Otherwise, failures that were not read are nobody's yet.
    """
    theirs = group.server_groups
    is_one = len(theirs) == len(group.tasks) == 1  # each of theirs is of one task
    return theirs[0] if is_one and holders[theirs[0].id] == 1 else None


def _of_server(group: ServerErrorGroup, since: datetime, now: datetime) -> FailingGroup:
    state = state_of((group,), since, now)
    return FailingGroup(
        count=group.count or 0,
        task=group.task,
        type=group.type,
        message=normalise(group.message),
        since=group.last_seen if state is ErrorState.REGRESSED else group.first_seen,
        filter_text=_LAST_HOUR,
        state=state,
        versions=() if group.detail is None else group.detail.versions,
        filters=_filters_of(group),
        server_id=group.id,
    )


def _filters_of(group: ServerErrorGroup) -> RunFilters:
    """Return the filters of the group's runs. Groups of several tasks share a fingerprint."""
    return RunFilters(tasks=(group.task,), errors=(group.id,))
