"""`SpanCounts`: the counts of all groups in one span of time, which may move."""

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from tui.domain.errors.kinds import Fingerprint
from tui.domain.ids import RunId
from tui.store.errors.counts import GroupCounts
from tui.store.errors.failures import Failure, TimeSpan
from tui.store.errors.members import Members

_RUNS_PER_STEP: Final = 64


class SpanCounts:
    """Counts the failures of each group in a span.

    * `changed`: the groups whose counts changed since it was cleared
    * `count`: the failures of all groups

    A span that moves on counts only what enters and leaves it. For another span all are counted, in steps: 10,000
    failures take some 40 ms. Failures may be added and removed between the steps.
    """

    def __init__(self, hide: Callable[[object], object]) -> None:
        self._hide = hide
        self.by_group: dict[Fingerprint, GroupCounts] = {}
        self.changed: set[Fingerprint] = set()
        self._counted: set[RunId] = set()
        hide(self._counted)
        self._span: TimeSpan | None = None
        self._since_s = self._until_s = 0.0
        self._is_complete = False

    @property
    def count(self) -> int:
        """The failures of all groups."""
        return len(self._counted)

    def add(self, failure: Failure) -> None:
        """Count a failure if it lies in the span."""
        if self._is_in_span(failure):
            self._add(failure)

    def remove(self, failure: Failure) -> None:
        """Undo `add`."""
        if failure.run_id in self._counted:
            self._remove(failure)

    def steps(self, span: TimeSpan, members: Members, failures: Mapping[RunId, Failure]) -> Iterator[None]:
        """Count the failures of a span, some in each step. `members` are the failures whose group is known.

        Another span before the last step is counted from the start.
        """
        before, was_complete = self._span, self._is_complete
        if span == before and was_complete:
            return
        self._is_complete = False
        since_s, until_s = self._since_s, self._until_s
        self._span, self._since_s, self._until_s = span, span.since.timestamp(), span.until.timestamp()
        if before is not None and was_complete and before.moves_to(span):
            yield from self._check(members.pieces(since_s, self._since_s, _RUNS_PER_STEP), failures)
            yield from self._check(members.pieces(until_s, self._until_s, _RUNS_PER_STEP), failures)
        else:
            self.changed.update(self.by_group)
            self.by_group, self._counted = {}, set()
            self._hide(self._counted)
            yield from self._check(members.pieces(self._since_s, self._until_s, _RUNS_PER_STEP), failures)
        self._is_complete = True

    def _check(self, pieces: Iterator[list[RunId]], failures: Mapping[RunId, Failure]) -> Iterator[None]:
        """Count those of some runs that are in the span, and no others."""
        for run_ids in pieces:
            for run_id in run_ids:
                failure = failures[run_id]
                is_in_span = self._is_in_span(failure)
                if is_in_span is (run_id in self._counted):
                    continue
                if is_in_span:
                    self._add(failure)
                else:
                    self._remove(failure)
            yield

    def _is_in_span(self, failure: Failure) -> bool:
        return self._span is not None and self._since_s <= failure.seen_s <= self._until_s

    def _add(self, failure: Failure) -> None:
        assert failure.fingerprint is not None
        assert self._span is not None
        counts = self.by_group.get(failure.fingerprint)
        if counts is None:
            counts = self.by_group[failure.fingerprint] = GroupCounts(self._span.cell_s)
        counts.add(failure)
        self._counted.add(failure.run_id)
        self.changed.add(failure.fingerprint)

    def _remove(self, failure: Failure) -> None:
        assert failure.fingerprint is not None
        counts = self.by_group[failure.fingerprint]
        counts.remove(failure)
        self._counted.discard(failure.run_id)
        if not counts.count:
            del self.by_group[failure.fingerprint]
        self.changed.add(failure.fingerprint)
