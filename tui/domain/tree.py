"""Who triggered whom: a tree of runs, put together out of everything that the API tells in pieces.

What lives here: the values and `build_tree`. Who asks for the pieces is `sources`; the store's own index by
parent is `store`'s. Source: wire/README.md §6.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from tui.domain.ids import RunId, TaskId
from tui.domain.run import Run
from tui.domain.status import Status


@dataclass(frozen=True, slots=True)
class TreeRow:
    """One run as one piece of the API places it. What the piece does not tell is None."""

    id: RunId
    parent_id: RunId | None
    task: TaskId | None = None
    status: Status | None = None


@dataclass(frozen=True, slots=True)
class TreeNode:
    """One run in its place. `run` is what the store knows of it, or None: then `task` and `status` are the row's."""

    id: RunId
    depth: int
    task: TaskId | None
    status: Status | None
    run: Run | None
    children: tuple["TreeNode", ...] = field(default=(), repr=False)

    def walk(self) -> Iterator["TreeNode"]:
        """This node and all below it, parents first; never recursive."""
        pending = [self]
        while pending:
            node = pending.pop()
            yield node
            pending.extend(reversed(node.children))


@dataclass(frozen=True, slots=True)
class RunTree:
    """The tree around `current`, from its root. `missing` says in words why it may not be whole; empty: it is."""

    root: TreeNode
    current: RunId
    missing: tuple[str, ...] = ()

    def find(self, run_id: RunId) -> TreeNode | None:
        """The node of a run, or None."""
        return next((node for node in self.root.walk() if node.id == run_id), None)
