"""`SpanCounts`: the counts of all groups in one span of time, which may move."""

from collections.abc import Mapping

from tui.domain.errors.kinds import Fingerprint
from tui.domain.ids import RunId
from tui.store.errors.counts import GroupCounts
from tui.store.errors.failures import Failure, TimeSpan
from tui.store.errors.members import Members


class SpanCounts:
    """Counts the failures of each group in a span. `changed` are the groups whose counts changed since it was cleared.

    A span that moves on counts only what enters and leaves it. For another span all are counted: 10,000 failures take
    some 40 ms.
    """

    def __init__(self) -> None:
        self.by_group: dict[Fingerprint, GroupCounts] = {}
        self.changed: set[Fingerprint] = set()
        self._span: TimeSpan | None = None
        self._since_s = self._until_s = 0.0

    def add(self, failure: Failure) -> None:
        """Count a failure if it lies in the span."""
        if self._span is not None and self._since_s <= failure.seen_s <= self._until_s:
            self._add(failure)

    def remove(self, failure: Failure) -> None:
        """Undo `add`."""
        if self._span is not None and self._since_s <= failure.seen_s <= self._until_s:
            self._remove(failure)

    def show(self, span: TimeSpan, members: Mapping[Fingerprint, Members], failures: Mapping[RunId, Failure]) -> None:
        """Count the failures of a span."""
        before, since_s, until_s = self._span, self._since_s, self._until_s
        if span == before:
            return
        self._span, self._since_s, self._until_s = span, span.since.timestamp(), span.until.timestamp()
        if before is None or not before.moves_to(span):
            self.changed.update(self.by_group)
            self.by_group = {}
            for group in members.values():
                for run_id in group.newest_in(span):
                    self._add(failures[run_id])
        else:
            for group in members.values():
                for run_id in group.between(since_s, self._since_s, with_start=True, with_end=False):
                    self._remove(failures[run_id])
                for run_id in group.between(until_s, self._until_s, with_start=False, with_end=True):
                    self._add(failures[run_id])
        # The cells of every group have moved.
        self.changed.update(self.by_group)

    def _add(self, failure: Failure) -> None:
        assert failure.fingerprint is not None
        assert self._span is not None
        counts = self.by_group.get(failure.fingerprint)
        if counts is None:
            counts = self.by_group[failure.fingerprint] = GroupCounts(self._span.cell_s)
        counts.add(failure)
        self.changed.add(failure.fingerprint)

    def _remove(self, failure: Failure) -> None:
        assert failure.fingerprint is not None
        counts = self.by_group[failure.fingerprint]
        counts.remove(failure)
        if not counts.count:
            del self.by_group[failure.fingerprint]
        self.changed.add(failure.fingerprint)
