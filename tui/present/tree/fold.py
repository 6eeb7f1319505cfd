"""What is folded in a tree, and the rows that are left: values, no widget, no key.

What lives here: `TreeFolds` and `branches`. What there is to fold is `tree_shape`'s.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from types import MappingProxyType
from typing import Final

from tui.present.printed.tree import guide_tail
from tui.present.tree.shape import EntryKey, SiblingGroup, TreeEntry, TreeShape

STEP: Final = 2
"""Cells of a level."""

MAX_LEVELS: Final = 40
"""Levels drawn at most, whatever the width: a chain of thousands stays readable, and linear."""


class DefaultFolds(Enum):
    """What holds for everything that nobody turned by hand."""

    QUIET_FOLDED = "groups, and quiet branches of a large tree, are folded"
    OPEN = "all open"
    CLOSED = "all closed but the root"


@dataclass(frozen=True, slots=True)
class Branch:
    """One row: an entry, the guides that lead to it, its depth in rows. `is_open` None: nothing is below it."""

    entry: TreeEntry
    guides: str
    depth: int
    is_open: bool | None


@dataclass(frozen=True, slots=True)
class TreeFolds:
    """What is open. `by_hand` is what the user turned; `kept_open` has been open by itself, and stays so when it
    becomes quiet: nothing folds under a reader's eyes.
    """

    rest: DefaultFolds = DefaultFolds.QUIET_FOLDED
    by_hand: Mapping[EntryKey, bool] = field(default_factory=lambda: MappingProxyType({}))
    kept_open: frozenset[EntryKey] = frozenset()

    def is_open(self, entry: TreeEntry, *, is_large: bool) -> bool:
        """Whether what is below an entry is shown."""
        if (by_hand := self.by_hand.get(entry.key)) is not None:
            return by_hand
        if self.rest is not DefaultFolds.QUIET_FOLDED:
            return self.rest is DefaultFolds.OPEN or entry.parent is None
        if isinstance(entry.item, SiblingGroup):
            return False
        return not is_large or entry.key in self.kept_open or not entry.are_children_quiet

    def with_fold(self, entries: Iterable[TreeEntry], *, is_open: bool) -> "TreeFolds":
        """The same with some entries unfolded, or folded."""
        return replace(self, by_hand={**self.by_hand, **{entry.key: is_open for entry in entries}})

    def remember_open(self, shown: Iterable[Branch]) -> "TreeFolds":
        """The same, remembering what was seen open."""
        if self.rest is not DefaultFolds.QUIET_FOLDED:
            return self
        fresh = {branch.entry.key for branch in shown if branch.is_open} - self.kept_open
        return replace(self, kept_open=self.kept_open | fresh) if fresh else self

    def unfold_level(self, shown: Sequence[Branch]) -> "TreeFolds":
        """The same with the uppermost of the folded levels unfolded."""
        depths = [branch.depth for branch in shown if branch.is_open is False]
        return self.with_fold(_at(shown, min(depths), is_open=False), is_open=True) if depths else self

    def fold_level(self, shown: Sequence[Branch]) -> "TreeFolds":
        """The same with the lowest of the open levels folded."""
        depths = [branch.depth for branch in shown if branch.is_open]
        return self.with_fold(_at(shown, max(depths), is_open=True), is_open=False) if depths else self


ALL_OPEN: Final = TreeFolds(DefaultFolds.OPEN)
ALL_CLOSED: Final = TreeFolds(DefaultFolds.CLOSED)


def branches(shape: TreeShape, folds: TreeFolds) -> list[Branch]:
    """The rows that are shown, in order; linear, never recursive."""
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
