"""What an action would touch, before anything is sent: the runs, what else stops below them, what nobody knows.

It also says which consent that takes. `session.planning` reads it; the command line and the screen ask.
"""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime

from tui.domain.ids import TaskId
from tui.domain.run import Run
from tui.domain.tree import TreeNode

MAX_RUNS_FOR_YES = 10
"""Above this many runs, those counted that stop with them, a yes is not enough."""

UNKNOWN = "unknown"
"""What stands for the status of a run, or the name of an environment, that nobody tells."""


@dataclass(frozen=True, slots=True)
class ActionPlan:
    """What would change. `verb` is the action's title, `runs` those that it is asked for.

    `descendants` are runs below them that would stop too; an unknown status counts as live. `ended_descendants` counts
    the finished ones, which stay as they are. `awaited_by` are the tasks of runs that wait for one of `runs`.
    `skipped` were asked for too, but the verb makes no sense on them. `missing` says why this may not be all;
    `read_at` is when it was found out, None where nothing had to be. `is_from_replica`: part of it
    is about a second older.
    """

    verb: str
    runs: tuple[Run, ...]
    descendants: tuple[TreeNode, ...] = ()
    ended_descendants: int = 0
    awaited_by: tuple[TaskId, ...] = ()
    skipped: tuple[Run, ...] = ()
    missing: tuple[str, ...] = ()
    read_at: datetime | None = None
    is_from_replica: bool = False

    @property
    def total(self) -> int:
        """Every run that would change, as far as is known."""
        return len(self.runs) + len(self.descendants)

    @property
    def descendants_by_title(self) -> Counter[str]:
        """How many stop below by title of status."""
        return Counter(live_title(node) or UNKNOWN for node in self.descendants)


def live_title(node: TreeNode) -> str | None:
    """The title of a run that would stop, or None if it ended already."""
    if node.run is not None and node.run.state is not None:
        return None if node.run.is_final else node.run.title
    if node.status is None:
        return UNKNOWN
    return None if node.status.canonical.is_final else node.status.title


def confirmation_texts(plan: ActionPlan, environment_name: str | None, *, is_production: bool) -> tuple[str, ...]:
    """What has to be typed, any one of these, where a yes is not enough: the number or the environment's name."""
    if plan.total <= MAX_RUNS_FOR_YES and not (is_production and len(plan.runs) > 1):
        return ()
    return (str(plan.total), *([environment_name] if environment_name else []))
