"""Groups failed runs by the kind of their error, for a span of time."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import islice
from math import ceil, inf
from operator import attrgetter
from typing import Final, NamedTuple, TypeGuard, TypeVar

from sortedcontainers import SortedKeyList

from tui.domain.error import RunError
from tui.domain.error_kinds import ErrorKind, Fingerprint, identity_of, kind_of, normalise
from tui.domain.facts import ErrorState, ServerErrorGroup, state_of
from tui.domain.run import Run, RunId, RunStatus, TaskId
from tui.domain.text import Raw
from tui.lazy_dataclass import dataclass
from tui.store.changes import add_to
from tui.store.store import Store

# `Failure`: the values of one failed run that the error groups need.


DEFAULT_CELLS: Final = 24
NO_ERROR: Final = RunError(Raw(""))
"""Stands for the error of a run that failed without one."""


class TimeSpan(NamedTuple):
    """A span of time, both ends included, and the number of cells that its failures are counted in."""

    since: datetime
    until: datetime
    cells: int = DEFAULT_CELLS

    @property
    def length(self) -> timedelta:
        """How long it is."""
        return self.until - self.since

    @property
    def cell_s(self) -> float:
        """The length of a cell in seconds."""
        return max(self.length.total_seconds(), 1.0) / self.cells

    def has(self, at_s: float) -> bool:
        """Return whether a time in seconds since the epoch is in it."""
        return self.since.timestamp() <= at_s <= self.until.timestamp()


class Failure(NamedTuple):
    """One failed run. `fingerprint` is None as long as the run's error has not been read.

    `seen_s`: the time of the failure in seconds since the epoch. As in the server's own groups, the list and the counts
    of the header, it is the creation time of the run. Only for a run that was created for a later due time, and failed
    before that time, it is earlier.
    """

    seen_s: float
    run_id: RunId
    fingerprint: Fingerprint | None
    error: RunError | None
    task: TaskId | None
    version: Raw | None
    status: RunStatus
    tags: tuple[Raw, ...]


def is_failure(run: Run | None) -> TypeGuard[Run]:
    """Return whether a run belongs to an error group, or will when its error is read."""
    return run is not None and run.state is not None and run.status.is_failed and not run.is_gone


def seen_at(run: Run) -> datetime:
    """Return the time of a failed run's failure: see `Failure.seen_s`."""
    assert run.state is not None
    return run.existed_at or run.state.updated_at


def known_error(run: Run) -> RunError | None:
    """Return a failed run's error, an empty one if the server says that there is none; None if it is not known."""
    if run.state is None or run.error_facet is None:
        return None
    stamp, error = run.error_facet
    # What was read before the run failed says nothing.
    return NO_ERROR if error is None and stamp.updated_at >= run.state.updated_at else error


MAX_COUNTED_TAGS: Final = 1_000
"""A group counts at most this many tags (100 KB). Above it, tags of fewer than a quarter of its runs are dropped."""

_FORGOTTEN_PART: Final = 4


class GroupCounts:
    """The failures of a group in a span by task, version, status, tag and cell of time.

    The numbers are in plain dictionaries: 10,000 groups of one failure each are counted in a fifth of the time that
    `Counter` takes.
    """

    __slots__ = ("cell_s", "cells", "count", "statuses", "tags", "tasks", "versions")

    def __init__(self, cell_s: float) -> None:
        self.cell_s = cell_s
        self.count = 0
        self.tasks: dict[TaskId, int] = {}
        self.versions: dict[Raw, int] = {}
        self.statuses: dict[RunStatus, int] = {}
        self.tags: dict[Raw, int] = {}
        self.cells: dict[int, int] = {}

    def add(self, failure: Failure) -> None:
        """Count a failure."""
        self.count += 1
        if failure.task is not None:
            add_to(self.tasks, failure.task, 1)
        if failure.version is not None:
            add_to(self.versions, failure.version, 1)
        add_to(self.statuses, failure.status, 1)
        add_to(self.cells, int(failure.seen_s // self.cell_s), 1)
        for tag in set(failure.tags) if len(failure.tags) > 1 else failure.tags:
            add_to(self.tags, tag, 1)
        if len(self.tags) > MAX_COUNTED_TAGS:
            # If most runs have a dropped tag, it comes back long before it counts as shared. A run has at most 10 tags,
            # so at most 40 tags stay.
            least = self.count / _FORGOTTEN_PART
            self.tags = {tag: count for tag, count in self.tags.items() if count >= least}


# `ErrorGroup`: the failures of one kind in a span of time, as they are shown and printed.


MOST: Final = 0.8
"""A tag is shared by most runs of a group if at least this part of them has it."""

MAX_SHARED_TAGS: Final = 10
Name = TypeVar("Name", bound=str)


@dataclass(frozen=True, slots=True)
class ErrorGroup:
    """The failures of one kind in a span of time. An unchanged group is the same object in the next answer.

    * `count`: the number of runs in the span. `run_ids` has the newest of them: at least one, at most `MAX_RUN_IDS`.
    * `tasks`, `versions`, `statuses`: the most frequent first, with their numbers of runs.
    * `first_seen`, `last_seen`: the creation times of the oldest and the newest run.
    * `shared_tags`: the tags that all or most of the runs have, the most frequent first.
    * `cells`: the failures in each cell of time that has any, oldest first. Cells are numbered from the epoch, so when
      the span moves on, only groups that gain or lose a failure change.
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
    shared_tags: tuple[tuple[Raw, int], ...]
    cells: tuple[tuple[int, int], ...]
    state: ErrorState | None = None
    server_groups: tuple[ServerErrorGroup, ...] = ()

    @property
    def fingerprint(self) -> Fingerprint:
        """The fingerprint of the group's kind."""
        return self.kind.fingerprint

    def counts_in(self, span: TimeSpan) -> tuple[int, ...]:
        """Return the failures in each cell of the group's span, oldest first. Their sum is `count`.

        Failures outside the cells are counted in the first and the last one.
        """
        # A cell's number is its start since the epoch, divided by its length.
        first = ceil(span.until.timestamp() / span.cell_s) - span.cells
        counts, last = [0] * span.cells, span.cells - 1
        for number, count in self.cells:
            counts[min(max(number - first, 0), last)] += count
        return tuple(counts)


def rank(group: ErrorGroup) -> tuple[bool, int, float, Fingerprint]:
    """Return the key by which groups are sorted: new ones first, then by count, the greatest first."""
    return group.state is not ErrorState.NEW, -group.count, -group.last_seen.timestamp(), group.fingerprint


def most_first(counts: Mapping[Name, int]) -> tuple[tuple[Name, int], ...]:
    """Return the keys with their counts, the greatest first."""
    if len(counts) == 1:
        return tuple(counts.items())
    return tuple(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def shared_tags(tags: Mapping[Raw, int], count: int) -> tuple[tuple[Raw, int], ...]:
    """Return the tags that most of `count` runs have, of those that are counted."""
    if count < 2:
        return ()
    return most_first({tag: number for tag, number in tags.items() if number >= MOST * count})[:MAX_SHARED_TAGS]


# `ServerGroups`: which groups of the server each group of ours holds.


MAX_SERVER_MESSAGE_CHARS: Final = 500
"""The server cuts the message of a group. Source: tests/wire/recordings/README.md §11 (recording 1030)."""

MAX_IDENTITIES: Final = 1_000
"""The size of the cache of normalised messages, 1 MB at most. The answer of the next minute has mostly the same."""

MAX_COMPARED_ERRORS: Final = 20
"""To compare them, at most this many long messages of a group are cut like the server's. Each takes 0.1 ms."""


@lru_cache(MAX_IDENTITIES)
def _identity(message: Raw) -> Raw:
    return identity_of(normalise(message))


class ServerGroups:
    """The server's groups by task, and by message or type."""

    def __init__(self) -> None:
        self._by_message: dict[tuple[TaskId, Raw], list[ServerErrorGroup]] = {}
        self._by_type: dict[tuple[TaskId, Raw | None], list[ServerErrorGroup]] = {}

    def add(self, group: ServerErrorGroup) -> None:
        """Add a group."""
        self._by_message.setdefault((group.task, _identity(group.message)), []).append(group)
        self._by_type.setdefault((group.task, group.type), []).append(group)

    def of(
        self, kind: ErrorKind, tasks: Collection[TaskId], errors: Iterable[RunError]
    ) -> tuple[ServerErrorGroup, ...]:
        """Return the groups of a kind that failed in these tasks. `errors` are the newest errors of the kind.

        For a crash, REST has only the code, while the server's group has the text. So the code decides the group.
        """
        if not self._by_message:
            return ()
        messages = {identity_of(kind.message): None}
        is_code_only = False
        for error in errors:
            is_code_only = is_code_only or error.has_code_only
            if len(error.message) > MAX_SERVER_MESSAGE_CHARS and len(messages) <= MAX_COMPARED_ERRORS:
                messages[_identity(Raw(error.message[:MAX_SERVER_MESSAGE_CHARS]))] = None
        if is_code_only:
            return tuple(group for task in tasks for group in self._by_type.get((task, kind.type), ()))
        theirs = (group for task in tasks for text in messages for group in self._by_message.get((task, text), ()))
        return tuple(group for group in theirs if kind.type is None or group.type in {None, kind.type})


# `ErrorGroups.update` follows changes of the store: one more failure costs the same in a group of one and of 10,000
# runs. `steps` brings the groups up to date: it counts a group again that lost a failure, and all for another span.


MAX_RUN_IDS: Final = 100
"""A group names this many of its newest runs. `ErrorGroups.run_ids` returns all of them."""

_GROUPS_PER_STEP: Final = 8
_RUNS_PER_STEP: Final = 64


class Reading(NamedTuple):
    """How many runs of a span failed, and of how many of them the error is known: `120 of 171 read`."""

    failed_count: int
    read_count: int


def _by_time() -> SortedKeyList:
    """Return a list that sorts failures. A run that changes is in it twice for a moment, with other values."""
    return SortedKeyList(key=attrgetter("seen_s", "run_id"))


def _newest_in(failures: SortedKeyList, span: TimeSpan) -> Iterator[Failure]:
    """Iterate over the failures of a span, newest first."""
    end = (span.until.timestamp(), "\U0010ffff")
    yield from failures.irange_key((span.since.timestamp(),), end, reverse=True)


def _expires_within(group: ErrorGroup, since: datetime, until: datetime) -> bool:
    """Return whether the server's groups are ignored until a time within two others."""
    times = (each.ignored_until for each in group.server_groups)
    return any(at is not None and since < at <= until for at in times)


class ErrorGroups:
    """The failed runs of the store, each in at most one group. `update` must receive every run that changes.

    A failure takes some 900 bytes, 9 MB for 10,000 of them. There are at most as many as the store has runs, and a
    group counts at most `MAX_COUNTED_TAGS` tags.
    """

    def __init__(self, store: Store, *, starts_empty: bool = False) -> None:
        """Group the runs that the store has now. With `starts_empty`, `update` must receive them."""
        self._store = store
        self._failures: dict[RunId, Failure] = {}
        self._kinds: dict[Fingerprint, ErrorKind] = {}
        self._members: dict[Fingerprint, SortedKeyList] = {}
        """The failures of each group, oldest first."""
        self._unread = _by_time()
        self._span: TimeSpan | None = None
        self._counts: dict[Fingerprint, GroupCounts | None] = {}
        """The failures of the groups that are counted in the span; None for groups without any there."""
        self._stale: set[Fingerprint] = set()
        self._groups: dict[Fingerprint, ErrorGroup] = {}
        self.changed: dict[Fingerprint, ErrorGroup | None] = {}
        """The groups that `steps` has changed since it was last cleared; None for those that are gone."""
        self._now: datetime | None = None
        self._knows_before = False
        self._server_groups = ServerGroups()
        self._joined: Iterable[ServerErrorGroup] | None = None
        self._server_answer: Iterable[ServerErrorGroup] | None = None
        if not starts_empty:
            for run in store.runs():
                self.update(run.id, run)

    def on_server_groups(self, groups: Iterable[ServerErrorGroup] | None) -> None:
        """Use the server's groups. None: the API key may not read them. Passing the same object again costs nothing."""
        self._server_answer = groups

    def groups(self, span: TimeSpan, now: datetime) -> tuple[ErrorGroup, ...]:
        """Return the groups with failures in a span: new ones first, then by count, the greatest first."""
        for _ in self.steps(span, now):
            pass
        return tuple(sorted(self._groups.values(), key=rank))

    def steps(self, span: TimeSpan, now: datetime) -> Iterator[None]:
        """Bring the groups up to date for a span, in steps of less than a millisecond.

        Before the last step, some groups are those of the span and others are not. `update` may be called between
        the steps, and the steps may be abandoned for others.
        """
        yield from self._join()
        # If a wrong clock was corrected, expired states have to come back.
        times = sorted((self._now or now, now))
        self._stale.update(key for key, each in self._groups.items() if _expires_within(each, *times))
        self._now = now
        while self._has_stale(span):
            if len(self._counts) < len(self._members):
                for fingerprint in self._members.keys() - self._counts.keys():
                    yield from self._count(fingerprint, span)
            for _ in range(min(_GROUPS_PER_STEP, len(self._stale))):
                self._refresh(self._stale.pop(), span, now)
            yield

    def reading(self, span: TimeSpan) -> Reading:
        """Return how many runs of a span failed, and of how many of them the error is known."""
        since_s, until_s = span.since.timestamp(), span.until.timestamp()
        are_read = [
            each.fingerprint is not None for each in self._failures.values() if since_s <= each.seen_s <= until_s
        ]
        return Reading(len(are_read), sum(are_read))

    def unread(self, span: TimeSpan, limit: int) -> list[RunId]:
        """Return the newest failed runs of a span whose error is not known."""
        return [each.run_id for each in islice(_newest_in(self._unread, span), limit)]

    def run_ids(self, fingerprint: Fingerprint, span: TimeSpan) -> list[RunId]:
        """Return all runs of a group in a span, newest first."""
        return [each.run_id for each in _newest_in(self._members.get(fingerprint, _by_time()), span)]

    def update(self, run_id: RunId, run: Run | None) -> None:
        """Put a run into its group, or with None remove it from its group."""
        before = self._failures.pop(run_id, None)
        after = self._failure(run, before)
        if after is not None:
            self._failures[run_id] = after
        if before != after:
            if after is not None:
                self._add(after)
            if before is not None:
                self._remove(before)

    def _add(self, failure: Failure) -> None:
        fingerprint = failure.fingerprint
        if fingerprint is None:
            self._unread.add(failure)
            return
        self._members.setdefault(fingerprint, _by_time()).add(failure)
        self._stale.add(fingerprint)  # whether a group is new depends on runs before the span too
        counts = self._counts.pop(fingerprint, None)
        if counts is not None and self._span is not None:
            if self._span.has(failure.seen_s):
                counts.add(failure)
            self._counts[fingerprint] = counts

    def _remove(self, failure: Failure) -> None:
        fingerprint = failure.fingerprint
        if fingerprint is None:
            self._unread.remove(failure)
            return
        self._members[fingerprint].remove(failure)
        self._counts.pop(fingerprint, None)
        self._stale.add(fingerprint)
        if not self._members[fingerprint]:
            del self._members[fingerprint], self._kinds[fingerprint]

    def _failure(self, run: Run | None, before: Failure | None) -> Failure | None:
        if not is_failure(run) or run.state is None:
            return None
        error, fingerprint = known_error(run), None
        if before is not None and before.error is error:
            fingerprint = before.fingerprint
        elif error is not None:
            kind = kind_of(error)
            fingerprint = kind.fingerprint
            self._kinds.setdefault(fingerprint, kind)
        fixed = run.fixed
        seen_s = seen_at(run).timestamp()
        return Failure(seen_s, run.id, fingerprint, error, fixed.task, fixed.version, run.status, run.state.tags)

    def _count(self, fingerprint: Fingerprint, span: TimeSpan) -> Iterator[None]:
        """Count the failures of a group, some in each step. If they change meanwhile, the group stays uncounted."""
        members = self._members.get(fingerprint)
        if members is None:
            return
        failures, counts = list(_newest_in(members, span)), GroupCounts(span.cell_s)
        for number, failure in enumerate(failures, 1):
            counts.add(failure)
            if not number % _RUNS_PER_STEP:
                yield
        if self._span == span and failures == list(_newest_in(members, span)):
            self._counts[fingerprint] = counts if failures else None
            self._stale.add(fingerprint)
        yield

    def _join(self) -> Iterator[None]:
        """Find out which groups of the server belong together, a few in each step."""
        while self._joined is not self._server_answer:
            answer, joined = self._server_answer, ServerGroups()
            for number, group in enumerate(answer or (), 1):
                joined.add(group)
                if not number % _GROUPS_PER_STEP:
                    yield
            self._joined, self._server_groups = answer, joined
            self._stale.update(self._groups)

    def _has_stale(self, span: TimeSpan) -> bool:
        """Return whether groups are not counted or not up to date for a span.

        None is for another span, or when it becomes known which are new.
        """
        if span != self._span:
            self._span, self._counts = span, {}
            self._stale.update(self._groups)
        oldest_s = self._unread[0].seen_s if self._unread else inf
        knows_before = oldest_s >= span.since.timestamp() and self._has_runs_before(span.since)
        if knows_before is not self._knows_before:
            self._knows_before = knows_before
            self._stale.update(self._groups)
        return bool(self._stale) or len(self._counts) < len(self._members)

    def _refresh(self, fingerprint: Fingerprint, span: TimeSpan, now: datetime) -> None:
        before, group = self._groups.get(fingerprint), self._group(fingerprint, span, now)
        if group == before:
            return
        self.changed[fingerprint] = group
        if group is None:
            del self._groups[fingerprint]
        else:
            self._groups[fingerprint] = group

    def _group(self, fingerprint: Fingerprint, span: TimeSpan, now: datetime) -> ErrorGroup | None:
        """Return a group as it is now; None if no failure is left in the span."""
        counts = self._counts.get(fingerprint)
        if counts is None:
            return None
        members, kind = self._members[fingerprint], self._kinds[fingerprint]
        newest = list(islice(_newest_in(members, span), MAX_RUN_IDS))
        errors = (each.error for each in newest[:MAX_COMPARED_ERRORS] if each.error is not None)
        theirs = self._server_groups.of(kind, counts.tasks, errors)
        since_s = span.since.timestamp()
        # New if runs before the span were read, all their errors are known, and none is of the group.
        is_first = self._knows_before and members[0].seen_s >= since_s
        own_state = ErrorState.NEW if is_first else None
        return ErrorGroup(
            kind=kind,
            count=counts.count,
            tasks=most_first(counts.tasks),
            versions=most_first(counts.versions),
            statuses=most_first(counts.statuses),
            first_seen=datetime.fromtimestamp(members[members.bisect_key_left((since_s,))].seen_s, UTC),
            last_seen=datetime.fromtimestamp(newest[0].seen_s, UTC),
            run_ids=tuple(each.run_id for each in newest),
            shared_tags=shared_tags(counts.tags, counts.count),
            cells=tuple(sorted(counts.cells.items())),
            state=state_of(theirs, span.since, now) if theirs else own_state,
            server_groups=theirs,
        )

    def _has_runs_before(self, since: datetime) -> bool:
        history, oldest = self._store.history, self._store.oldest()
        # Without a history, no source reads the list: the caller has read the runs that it needs.
        if oldest is None or (history is not None and history.reached >= since):
            return False
        # The store may have dropped the oldest runs that were read.
        return (oldest.created_at or since) < since
