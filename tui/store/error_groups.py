"""Groups failed runs by the kind of their error, for a span of time.

`on_changes` keeps the groups up to date: one more failure costs the same in a group of one and of 10,000 runs.
"""

from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final, NamedTuple, TypeVar

from sortedcontainers import SortedKeyList

from tui.domain.errors.error import RunError
from tui.domain.errors.kinds import ErrorKind, Fingerprint, kind_of
from tui.domain.errors.server_group import ServerErrorGroup
from tui.domain.ids import RunId, TaskId
from tui.domain.run import Run
from tui.domain.status import RunStatus
from tui.domain.text import Raw
from tui.lazy_dataclass import dataclass
from tui.store.changes import Changes
from tui.store.errors.failures import Failure, TimeSpan, is_failure, known_error
from tui.store.errors.members import Members
from tui.store.errors.server_groups import MAX_COMPARED_ERRORS, ServerGroups
from tui.store.errors.span_counts import SpanCounts
from tui.store.errors.states import ErrorState, state_of
from tui.store.store import Store

MAX_RUN_IDS: Final = 100
"""A group names this many of its newest runs. `ErrorGroups.run_ids` returns all of them."""

MOST: Final = 0.8
"""Most runs of a group share a tag if at least this part of them has it."""

MAX_SHARED_TAGS: Final = 10
K = TypeVar("K", bound=str)


class SharedTag(NamedTuple):
    """A tag that all or most runs of a group have."""

    tag: Raw
    run_count: int


class Reading(NamedTuple):
    """How many runs of a span failed, and of how many of them the error is known: `120 of 171 read`."""

    failed_count: int
    read_count: int

    @property
    def is_complete(self) -> bool:
        """Whether the error of every failed run is known."""
        return self.read_count == self.failed_count


@dataclass(frozen=True, slots=True)
class ErrorGroup:
    """The failures of one kind in a span of time. An unchanged group is the same object in the next answer.

    * `count`: the runs of the span. `run_ids` are at most `MAX_RUN_IDS` of them, newest first.
    * `tasks`, `versions`, `statuses`: the most frequent first, with their numbers of runs.
    * `first_seen`, `last_seen`: the creation times of the oldest and the newest run.
    * `shared_tags`: the tags that all or most of the runs have, the most frequent first.
    * `cells`: the failures in each cell of the span, oldest first. Their sum is `count`.
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
    cells: tuple[int, ...]
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


class ErrorGroups:
    """The failed runs of the store, each in at most one group. `on_changes` must receive every change of the store.

    A failure takes some 800 bytes, 8 MB for 10,000 of them. There are at most as many as the store has runs, and a
    group counts at most `MAX_COUNTED_TAGS` tags.
    """

    def __init__(self, store: Store, *, starts_empty: bool = False) -> None:
        """Group the runs that the store has now. With `starts_empty`, `on_changes` must receive them, in any parts."""
        self._store = store
        self._failures: dict[RunId, Failure] = {}
        self._kinds: dict[Fingerprint, ErrorKind] = {}
        self._members: dict[Fingerprint, Members] = {}
        self._unread = Members()
        self._counts = SpanCounts()
        self._groups: dict[Fingerprint, ErrorGroup] = {}
        self._ranked = SortedKeyList(key=rank)
        self._ignored: set[Fingerprint] = set()
        self._knows_before = False
        self._server_groups = ServerGroups()
        self._server_answer: Iterable[ServerErrorGroup] | None = None
        if not starts_empty:
            for run in store.runs():
                self._update(run.id, run)

    def on_changes(self, changes: Changes) -> set[Fingerprint]:
        """Regroup the runs that changed. Return the groups that changed, those that are gone included."""
        changed: set[Fingerprint] = set()
        for run_ids in (changes.added, changes.changed, changes.removed):
            for run_id in run_ids:
                changed |= self._update(run_id, self._store.get(run_id))
        return changed

    def on_server_groups(self, groups: Iterable[ServerErrorGroup] | None) -> None:
        """Take over the server's groups. None: the API key may not read them. The same object again costs nothing."""
        if groups is self._server_answer:
            return
        self._server_answer, self._server_groups = groups, ServerGroups(groups or ())
        self._forget(list(self._groups))

    def groups(self, span: TimeSpan, now: datetime) -> tuple[ErrorGroup, ...]:
        """Return the groups with failures in a span: new ones first, then by count, the greatest first."""
        self._show(span)
        knows_before = self._unread.oldest_s >= span.since.timestamp() and self._has_runs_before(span.since)
        if knows_before is not self._knows_before:
            self._knows_before = knows_before
            self._forget(list(self._groups))
        # The time ends what somebody ignored.
        ignored = {fingerprint: self._groups[fingerprint] for fingerprint in self._ignored}
        self._forget(ignored)
        for fingerprint in self._counts.by_group.keys() - self._groups.keys():
            group = self._built(fingerprint, span, now)
            before = ignored.get(fingerprint)
            group = self._groups[fingerprint] = before if before == group and before is not None else group
            self._ranked.add(group)
            if any(each.ignored_until for each in group.server_groups):
                self._ignored.add(fingerprint)
        return tuple(self._ranked)

    def reading(self, span: TimeSpan) -> Reading:
        """Return how many runs of a span failed, and of how many of them the error is known."""
        self._show(span)
        read_count = sum(counts.count for counts in self._counts.by_group.values())
        return Reading(read_count + self._unread.count_in(span), read_count)

    def unread(self, span: TimeSpan, limit: int) -> list[RunId]:
        """Return the newest failed runs of a span whose error is not known."""
        return list(self._unread.newest_in(span, limit))

    def run_ids(self, fingerprint: Fingerprint, span: TimeSpan) -> list[RunId]:
        """Return all runs of a group in a span, newest first."""
        members = self._members.get(fingerprint)
        return [] if members is None else list(members.newest_in(span))

    def kind_of_run(self, run_id: RunId) -> ErrorKind | None:
        """Return the kind of a failed run's error; None if it has not failed or its error is not known."""
        failure = self._failures.get(run_id)
        return None if failure is None or failure.fingerprint is None else self._kinds[failure.fingerprint]

    def _update(self, run_id: RunId, run: Run | None) -> set[Fingerprint]:
        before = self._failures.get(run_id)
        after = self._failure(run, before)
        if before == after:
            return set()
        if before is not None:
            self._remove(before)
        if after is not None:
            self._add(after)
        touched = {each.fingerprint for each in (before, after) if each is not None and each.fingerprint is not None}
        for fingerprint in touched - self._members.keys():
            del self._kinds[fingerprint]
        return touched

    def _failure(self, run: Run | None, before: Failure | None) -> Failure | None:
        if run is None or run.state is None or not is_failure(run):
            return None
        error = known_error(run, run.state)
        if before is not None and before.error is error:
            fingerprint = before.fingerprint
        else:
            fingerprint = None if error is None else self._fingerprint(error)
        fixed = run.fixed
        seen_s = (fixed.created_at or run.state.updated_at).timestamp()
        return Failure(seen_s, run.id, fingerprint, error, fixed.task, fixed.version, run.status, run.state.tags)

    def _fingerprint(self, error: RunError) -> Fingerprint:
        kind = kind_of(error)
        self._kinds.setdefault(kind.fingerprint, kind)
        return kind.fingerprint

    def _add(self, failure: Failure) -> None:
        self._failures[failure.run_id] = failure
        if failure.fingerprint is None:
            self._unread.add(failure)
            return
        members = self._members.get(failure.fingerprint)
        if members is None:
            members = self._members[failure.fingerprint] = Members()
        members.add(failure)
        self._counts.add(failure)

    def _remove(self, failure: Failure) -> None:
        del self._failures[failure.run_id]
        if failure.fingerprint is None:
            self._unread.remove(failure)
            return
        members = self._members[failure.fingerprint]
        members.remove(failure)
        self._counts.remove(failure)
        if not members:
            del self._members[failure.fingerprint]

    def _show(self, span: TimeSpan) -> None:
        """Count the failures of a span, and forget the groups that are no longer true."""
        self._counts.show(span, self._members, self._failures)
        self._forget(self._counts.changed)
        self._counts.changed.clear()

    def _forget(self, fingerprints: Iterable[Fingerprint]) -> None:
        for fingerprint in fingerprints:
            group = self._groups.pop(fingerprint, None)
            if group is not None:
                self._ranked.remove(group)
                self._ignored.discard(fingerprint)

    def _built(self, fingerprint: Fingerprint, span: TimeSpan, now: datetime) -> ErrorGroup:
        counts, members, kind = self._counts.by_group[fingerprint], self._members[fingerprint], self._kinds[fingerprint]
        run_ids = tuple(members.newest_in(span, MAX_RUN_IDS))
        newest = (self._failures[run_id].error for run_id in run_ids[:MAX_COMPARED_ERRORS])
        theirs = self._server_groups.of(kind, counts.tasks, (error for error in newest if error is not None))
        return ErrorGroup(
            kind=kind,
            count=counts.count,
            tasks=_most_first(counts.tasks),
            versions=_most_first(counts.versions),
            statuses=_most_first(counts.statuses),
            first_seen=datetime.fromtimestamp(members.first_s(span), UTC),
            last_seen=datetime.fromtimestamp(self._failures[run_ids[0]].seen_s, UTC),
            run_ids=run_ids,
            shared_tags=_shared_tags(counts.tags, counts.count),
            cells=counts.cell_counts(span),
            state=state_of(theirs, span.since, now) if theirs else self._local_state(members, span),
            server_groups=theirs,
        )

    def _local_state(self, members: Members, span: TimeSpan) -> ErrorState | None:
        """Return NEW if runs before the span were read, all their errors are known, and none is of the group."""
        is_new = self._knows_before and members.oldest_s >= span.since.timestamp()
        return ErrorState.NEW if is_new else None

    def _has_runs_before(self, since: datetime) -> bool:
        history, oldest = self._store.history, self._store.oldest()
        # Without a history, no source reads the list, and the caller read what it needs.
        if oldest is None or (history is not None and history.reached >= since):
            return False
        # The store may have dropped the oldest runs that were read.
        return (oldest.fixed.created_at or since) < since


def _most_first(counter: Counter[K]) -> tuple[tuple[K, int], ...]:
    return tuple(sorted(counter.items(), key=lambda item: (-item[1], item[0])))


def rank(group: ErrorGroup) -> tuple[bool, int, float, Fingerprint]:
    """Return the key by which groups are sorted: new ones first, then by count, the greatest first."""
    return group.state is not ErrorState.NEW, -group.count, -group.last_seen.timestamp(), group.fingerprint


def _shared_tags(tags: Counter[Raw], count: int) -> tuple[SharedTag, ...]:
    if count < 2:
        return ()
    shared = [SharedTag(tag, number) for tag, number in tags.items() if number >= MOST * count]
    return tuple(sorted(shared, key=lambda each: (-each.run_count, each.tag))[:MAX_SHARED_TAGS])
