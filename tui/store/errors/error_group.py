"""`ErrorGroup`: the failures of one kind in a span of time, as they are shown and printed."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final, NamedTuple, TypeVar

from tui.domain.errors.kinds import ErrorKind, Fingerprint
from tui.domain.errors.server_group import ServerErrorGroup
from tui.domain.ids import RunId, TaskId
from tui.domain.status import RunStatus
from tui.domain.text import Raw
from tui.lazy_dataclass import dataclass
from tui.store.errors.failures import TimeSpan
from tui.store.errors.states import ErrorState

MOST: Final = 0.8
"""Most runs of a group share a tag if at least this part of them has it."""

MAX_SHARED_TAGS: Final = 10
K = TypeVar("K", bound=str)


class SharedTag(NamedTuple):
    """A tag that all or most runs of a group have."""

    tag: Raw
    run_count: int


@dataclass(frozen=True, slots=True)
class ErrorGroup:
    """The failures of one kind in a span of time. An unchanged group is the same object in the next answer.

    * `count`: the runs of the span. `run_ids` are at most `MAX_RUN_IDS` of them, newest first.
    * `tasks`, `versions`, `statuses`: the most frequent first, with their numbers of runs.
    * `first_seen`, `last_seen`: the creation times of the oldest and the newest run.
    * `shared_tags`: the tags that all or most of the runs have, the most frequent first.
    * `cells`: the failures in each cell of time that has any, oldest first; see `TimeSpan.cell_of`. Their numbers do
      not depend on the span's ends, so that a span which moves on changes only the groups that gain or lose failures.
    * `state`: None if it is not known.
    * `server_groups`: the server's groups that this one holds.
    """

    kind: ErrorKind
    count: int
    tasks: tuple[tuple[TaskId, int], ...]
    versions: tuple[tuple[Raw, int], ...]
    statuses: tuple[tuple[RunStatus, int], ...]
    first_seen: datetime
    last_seen: datetime
    run_ids: tuple[RunId, ...]
    shared_tags: tuple[SharedTag, ...]
    cells: tuple[tuple[int, int], ...]
    state: ErrorState | None = None
    server_groups: tuple[ServerErrorGroup, ...] = ()

    @property
    def fingerprint(self) -> Fingerprint:
        """The fingerprint of the group's kind."""
        return self.kind.fingerprint

    @property
    def has_all_run_ids(self) -> bool:
        """Whether `run_ids` are all runs of the group."""
        return len(self.run_ids) == self.count

    def counts_in(self, span: TimeSpan) -> tuple[int, ...]:
        """Return the failures in each cell of the group's span, oldest first. Their sum is `count`.

        What lies beyond the cells counts to the first and the last one.
        """
        counts, first, last = [0] * span.cells, span.first_cell, span.cells - 1
        for number, count in self.cells:
            counts[min(max(number - first, 0), last)] += count
        return tuple(counts)


def rank(group: ErrorGroup) -> tuple[bool, int, float, Fingerprint]:
    """Return the key by which groups are sorted: new ones first, then by count, the greatest first."""
    return group.state is not ErrorState.NEW, -group.count, -group.last_seen.timestamp(), group.fingerprint


def most_first(counts: Mapping[K, int]) -> tuple[tuple[K, int], ...]:
    """Return the keys with their counts, the greatest first."""
    if len(counts) == 1:
        return tuple(counts.items())
    return tuple(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def shared_tags(tags: Mapping[Raw, int], count: int) -> tuple[SharedTag, ...]:
    """Return the tags that most of `count` runs have, of those that are counted."""
    if count < 2:
        return ()
    shared = [SharedTag(tag, number) for tag, number in tags.items() if number >= MOST * count]
    return tuple(sorted(shared, key=lambda each: (-each.run_count, each.tag))[:MAX_SHARED_TAGS])
