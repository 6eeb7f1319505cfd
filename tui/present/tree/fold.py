"""Which entries of a tree are folded, and which rows remain visible."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field, replace
from enum import Enum
from types import MappingProxyType
from typing import Final

from tui.lazy_dataclass import dataclass
from tui.present.printed.tree import guide_tail
from tui.present.tree.shape import EntryKey, SiblingGroup, TreeEntry, TreeShape

STEP: Final = 2
"""The cells of one level."""

MAX_LEVELS: Final = 40
"""The deepest level that is drawn. Deeper chains stay readable, and drawing them stays linear."""


class DefaultFolds(Enum):
    """The state of every entry that the user did not fold or unfold by hand."""

    QUIET_FOLDED = "groups, and quiet branches of a large tree, are folded"
    OPEN = "all open"
    CLOSED = "all closed but the root"


@dataclass(frozen=True, slots=True)
class Branch:
    """One visible row: an entry, the guides that lead to it, and its depth. `is_open` is None if the entry has no
    children.
    """

    entry: TreeEntry
    guides: str
    depth: int
    is_open: bool | None


@dataclass(frozen=True, slots=True)
class TreeFolds:
    """Which entries are open.

    `by_hand` is what the user folded and unfolded. `kept_open` holds entries that were open without the user; they stay
    open when they become quiet, so that no row disappears while the user reads it.
    """

    default: DefaultFolds = DefaultFolds.QUIET_FOLDED
    by_hand: Mapping[EntryKey, bool] = field(default_factory=lambda: MappingProxyType({}))
    kept_open: frozenset[EntryKey] = frozenset()

    def is_open(self, entry: TreeEntry, *, is_large: bool) -> bool:
        """Return whether the children of an entry are visible."""
        if (by_hand := self.by_hand.get(entry.key)) is not None:
            return by_hand
        if self.default is not DefaultFolds.QUIET_FOLDED:
            return self.default is DefaultFolds.OPEN or entry.parent is None
        if isinstance(entry.item, SiblingGroup):
            return False
        return not is_large or entry.key in self.kept_open or not entry.are_children_quiet

    def with_fold(self, entries: Iterable[TreeEntry], *, is_open: bool) -> "TreeFolds":
        """Return a copy with these entries unfolded or folded."""
        return replace(self, by_hand={**self.by_hand, **{entry.key: is_open for entry in entries}})

    def remember_open(self, shown: Iterable[Branch]) -> "TreeFolds":
        """Return a copy that keeps the branches open which are open now."""
        if self.default is not DefaultFolds.QUIET_FOLDED:
            return self
        fresh = {branch.entry.key for branch in shown if branch.is_open} - self.kept_open
        return replace(self, kept_open=self.kept_open | fresh) if fresh else self

    def unfold_level(self, shown: Sequence[Branch]) -> "TreeFolds":
        """Return a copy with the uppermost folded level unfolded."""
        depths = [branch.depth for branch in shown if branch.is_open is False]
        return self.with_fold(_at(shown, min(depths), is_open=False), is_open=True) if depths else self

    def fold_level(self, shown: Sequence[Branch]) -> "TreeFolds":
        """Return a copy with the lowest unfolded level folded."""
        depths = [branch.depth for branch in shown if branch.is_open]
        return self.with_fold(_at(shown, max(depths), is_open=True), is_open=False) if depths else self


ALL_OPEN: Final = TreeFolds(DefaultFolds.OPEN)
ALL_CLOSED: Final = TreeFolds(DefaultFolds.CLOSED)


def branches(shape: TreeShape, folds: TreeFolds) -> list[Branch]:
    """Return the visible rows in order. Linear in the number of entries, and never recursive."""
    rows: list[Branch] = []
    is_large = shape.is_large
    pending: list[tuple[TreeEntry, str, str, int]] = [(shape.root, "", "", 0)]
    while pending:
        entry, above, own, depth = pending.pop()
        is_open = folds.is_open(entry, is_large=is_large) if entry.children else None
        rows.append(Branch(entry, above + own, depth, is_open))
        if not is_open:
            continue
        inner = above if not own else above + ("│ " if own[0] == "├" else "  ")
        inner = guide_tail(inner, STEP * MAX_LEVELS, step=STEP)
        pending.extend(
            (child, inner, "├─" if index else "└─", depth + 1) for index, child in enumerate(reversed(entry.children))
        )
    return rows


def _at(shown: Iterable[Branch], depth: int, *, is_open: bool) -> Iterable[TreeEntry]:
    return (branch.entry for branch in shown if branch.depth == depth and branch.is_open is is_open)
