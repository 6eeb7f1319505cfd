"""`GroupRanking`: the error groups that pass a typed filter, in one order, kept sorted group by group."""

from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from sortedcontainers import SortedList

from tui.domain.errors.kinds import Fingerprint
from tui.store.errors.error_group import ErrorGroup
from tui.ui.model.errors.spans import NEW_FIRST, GroupOrder, GroupRank, matches_text

_GROUPS_PER_STEP: Final = 16


class GroupQuery(NamedTuple):
    """Which groups the list shows, and in which order."""

    order: GroupOrder = NEW_FIRST
    text: str = ""


class GroupRanking:
    """The groups that match a query, by rank. A rank ends with the fingerprint of its group."""

    def __init__(self, query: GroupQuery) -> None:
        self.query = query
        self._ranks: dict[Fingerprint, GroupRank] = {}
        self._sorted = SortedList()

    def __contains__(self, fingerprint: Fingerprint) -> bool:
        return fingerprint in self._ranks

    def __len__(self) -> int:
        return len(self._ranks)

    def __iter__(self) -> Iterator[Fingerprint]:
        """Iterate over the groups in their order."""
        return (rank[-1] for rank in self._sorted)

    def rank_of(self, fingerprint: Fingerprint) -> GroupRank:
        """Return the rank of a group. Raises `KeyError`."""
        return self._ranks[fingerprint]

    def put(self, fingerprint: Fingerprint, group: ErrorGroup | None) -> None:
        """Add a group or move it to its place. Drop it if it is gone or does not match."""
        rank = None if group is None or not matches_text(group, self.query.text) else self.query.order.rank(group)
        before = self._ranks.get(fingerprint)
        if rank == before:
            return
        if before is not None:
            self._sorted.remove(before)
            del self._ranks[fingerprint]
        if rank is not None:
            self._sorted.add(rank)
            self._ranks[fingerprint] = rank

    def fill(self, groups: Iterable[ErrorGroup]) -> Iterator[None]:
        """Add groups, some in each step."""
        for number, group in enumerate(groups, 1):
            self.put(group.fingerprint, group)
            if not number % _GROUPS_PER_STEP:
                yield
