"""Groups failed runs by the kind of their error, for a span of time.

`on_changes` follows changes of the store: one more failure costs the same in a group of one and of 10,000 runs.
`steps` brings the groups up to date, at the cost of what has changed since.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Final, NamedTuple

from sortedcontainers import SortedSet

from tui.domain.errors.error import RunError
from tui.domain.errors.kinds import ErrorKind, Fingerprint, kind_of
from tui.domain.errors.server_group import ServerErrorGroup
from tui.domain.ids import RunId
from tui.domain.run import Run
from tui.store.changes import Changes
from tui.store.errors.error_group import ErrorGroup, most_first, rank, shared_tags
from tui.store.errors.failures import Failure, TimeSpan, is_failure, known_error, seen_at
from tui.store.errors.members import Members
from tui.store.errors.server_groups import MAX_COMPARED_ERRORS, ServerGroups
from tui.store.errors.span_counts import SpanCounts
from tui.store.errors.states import ErrorState, state_of
from tui.store.store import Store

MAX_RUN_IDS: Final = 100
"""A group names this many of its newest runs. `ErrorGroups.run_ids` returns all of them."""

_GROUPS_PER_STEP: Final = 8


class Reading(NamedTuple):
    """How many runs of a span failed, and of how many of them the error is known: `120 of 171 read`."""

    failed_count: int
    read_count: int


class ErrorGroups:
    """The failed runs of the store, each in at most one group. `on_changes` must receive every change of the store.

    A failure takes some 900 bytes, 9 MB for 10,000 of them. There are at most as many as the store has runs, and a
    group counts at most `MAX_COUNTED_TAGS` tags.
    """

    def __init__(self, store: Store, *, starts_empty: bool = False) -> None:
        """Group the runs that the store has now. With `starts_empty`, `on_changes` must receive them, in any parts."""
        self._store = store
        self._failures: dict[RunId, Failure] = {}
        self._kinds: dict[Fingerprint, ErrorKind] = {}
        self._members: dict[Fingerprint, Members] = {}
        self._read = Members(store.hide)
        self._unread = Members(store.hide)
        self._counts = SpanCounts(store.hide)
        self._groups: dict[Fingerprint, ErrorGroup] = {}
        self._changed: dict[Fingerprint, ErrorGroup | None] = {}
        self._new_until = SortedSet()
        self._ignored_until = SortedSet()
        self._now: datetime | None = None
        self._knows_before = False
        self._server_groups = ServerGroups()
        self._joined: Iterable[ServerErrorGroup] | None = None
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
        self._server_answer = groups

    def groups(self, span: TimeSpan, now: datetime) -> tuple[ErrorGroup, ...]:
        """Return the groups with failures in a span: new ones first, then by count, the greatest first."""
        for _ in self.steps(span, now):
            pass
        return tuple(sorted(self._groups.values(), key=rank))

    def steps(self, span: TimeSpan, now: datetime) -> Iterator[None]:
        """Bring the groups up to date for a span, in steps of less than a millisecond.

        Before the last step, some groups are those of the span and others are not. `on_changes` may be called between
        the steps, and the steps may be abandoned for others.
        """
        yield from self._counts.steps(span, self._read, self._failures)
        yield from self._join()
        stale = self._counts.changed
        if self._now is not None and now < self._now:
            stale.update(self._groups)  # a clock that was wrong: what the time ended has to come back
        self._now = now
        while self._has_stale(stale, span, now):
            for _ in range(min(_GROUPS_PER_STEP, len(stale))):
                self._refresh(stale.pop(), span, now)
            yield

    @property
    def changed(self) -> Mapping[Fingerprint, ErrorGroup | None]:
        """The groups that `steps` has changed since `forget_changed`; None for those that are gone."""
        return self._changed

    def forget_changed(self) -> None:
        """Start to collect `changed` again."""
        self._changed = {}

    def discard(self, run_ids: Iterable[RunId]) -> None:
        """Remove runs from their groups, although the store has them."""
        for run_id in run_ids:
            self._update(run_id, None)

    def reading(self, span: TimeSpan) -> Reading:
        """Return how many runs of a span failed, and of how many of them the error is known."""
        for _ in self._counts.steps(span, self._read, self._failures):
            pass
        return Reading(self._counts.count + self._unread.count_in(span), self._counts.count)

    def unread(self, span: TimeSpan, limit: int) -> list[RunId]:
        """Return the newest failed runs of a span whose error is not known."""
        return list(self._unread.newest_in(span, limit))

    def run_ids(self, fingerprint: Fingerprint, span: TimeSpan) -> list[RunId]:
        """Return all runs of a group in a span, newest first."""
        members = self._members.get(fingerprint)
        return [] if members is None else list(members.newest_in(span))

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
        for fingerprint in touched:
            if fingerprint not in self._members:
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
        seen_s = seen_at(run, run.state).timestamp()
        failure = Failure(seen_s, run.id, fingerprint, error, fixed.task, fixed.version, run.status, run.state.tags)
        self._store.hide(failure)
        return failure

    def _fingerprint(self, error: RunError) -> Fingerprint:
        kind = kind_of(error)
        self._kinds.setdefault(kind.fingerprint, kind)
        return kind.fingerprint

    def _add(self, failure: Failure) -> None:
        self._failures[failure.run_id] = failure
        self._store.hide(self._failures)  # a dictionary is seen again after each new value
        if failure.fingerprint is None:
            self._unread.add(failure)
            return
        members = self._members.get(failure.fingerprint)
        if members is None:
            members = self._members[failure.fingerprint] = Members(self._store.hide)
        members.add(failure)
        self._read.add(failure)
        self._counts.add(failure)
        self._counts.changed.add(failure.fingerprint)  # whether a group is new depends on runs before the span too

    def _remove(self, failure: Failure) -> None:
        del self._failures[failure.run_id]
        if failure.fingerprint is None:
            self._unread.remove(failure)
            return
        members = self._members[failure.fingerprint]
        members.remove(failure)
        self._read.remove(failure)
        self._counts.remove(failure)
        self._counts.changed.add(failure.fingerprint)
        if not members:
            del self._members[failure.fingerprint]

    def _join(self) -> Iterator[None]:
        """Find out which groups of the server belong together, a few in each step."""
        while self._joined is not self._server_answer:
            answer, joined = self._server_answer, ServerGroups()
            for number, group in enumerate(answer or (), 1):
                joined.add(group, self._server_groups)
                if not number % _GROUPS_PER_STEP:
                    yield
            self._joined, self._server_groups = answer, joined
            self._counts.changed.update(self._groups)

    def _has_stale(self, stale: set[Fingerprint], span: TimeSpan, now: datetime) -> bool:
        """Add the groups whose state the time has changed to the stale ones. Return whether there are any."""
        while self._new_until and self._new_until[0][0] < span.since:
            stale.add(self._new_until.pop(0)[1])
        while self._ignored_until and self._ignored_until[0][0] <= now:
            stale.add(self._ignored_until.pop(0)[1])
        knows_before = self._unread.oldest_s >= span.since.timestamp() and self._has_runs_before(span.since)
        if knows_before is not self._knows_before:
            self._knows_before = knows_before
            stale.update(self._groups)
        return bool(stale)

    def _refresh(self, fingerprint: Fingerprint, span: TimeSpan, now: datetime) -> None:
        before, group = self._groups.get(fingerprint), self._group(fingerprint, span, now)
        if group == before:
            return
        self._changed[fingerprint] = group
        if group is None:
            del self._groups[fingerprint]
        else:
            self._groups[fingerprint] = group

    def _group(self, fingerprint: Fingerprint, span: TimeSpan, now: datetime) -> ErrorGroup | None:
        """Return a group as it is now; None if no failure is left in the span."""
        counts = self._counts.by_group.get(fingerprint)
        if counts is None:
            return None
        members, kind = self._members[fingerprint], self._kinds[fingerprint]
        run_ids = tuple(members.newest_in(span, MAX_RUN_IDS))
        newest = (self._failures[run_id].error for run_id in run_ids[:MAX_COMPARED_ERRORS])
        theirs = self._server_groups.of(kind, counts.tasks, (error for error in newest if error is not None))
        for each in theirs:
            if each.first_seen is not None and each.first_seen >= span.since:
                self._new_until.add((each.first_seen, fingerprint))
            if each.ignored_until is not None and each.ignored_until > now:
                self._ignored_until.add((each.ignored_until, fingerprint))
        return ErrorGroup(
            kind=kind,
            count=counts.count,
            tasks=most_first(counts.tasks),
            versions=most_first(counts.versions),
            statuses=most_first(counts.statuses),
            first_seen=datetime.fromtimestamp(members.first_s(span), UTC),
            last_seen=datetime.fromtimestamp(self._failures[run_ids[0]].seen_s, UTC),
            run_ids=run_ids,
            shared_tags=shared_tags(counts.tags, counts.count),
            cells=tuple(sorted(counts.cells.items())),
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
        return (oldest.created_at or since) < since
