"""What an action would touch, before anything is sent: the runs, what else stops below them, what nobody knows.

It also says which consent that takes. `session.planning` reads it; the command line and the screen ask.
"""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime

from tui.domain.ids import TaskId
from tui.domain.run import Run
from tui.domain.tree import TreeNode

MANY = 10
"""Above this many runs, those counted that stop with them, a yes is not enough."""

UNKNOWN = "unknown"
"""What stands for the status of a run, or the name of an environment, that nobody tells."""


@dataclass(frozen=True, slots=True)
class ActionPlan:
    """What would change. `verb` is the action's title, `runs` those that it is asked for.

    `others` would stop below them; one whose status nobody tells counts as one that would stop. `ended_below` are
    finished ones there, which stay as they are, `awaited_by` the tasks of runs that wait for one of `runs`.
    `spared` were asked for too, but the verb makes no sense on them. `missing` says why this may not be all;
    `read_at` is when it was found out, None where nothing had to be. `is_late`: part of it is about a second older.
    """

    verb: str
    runs: tuple[Run, ...]
    others: tuple[TreeNode, ...] = ()
    ended_below: int = 0
    awaited_by: tuple[TaskId, ...] = ()
    spared: tuple[Run, ...] = ()
    missing: tuple[str, ...] = ()
    read_at: datetime | None = None
    is_late: bool = False

    @property
    def total(self) -> int:
        """Every run that would change, as far as is known."""
        return len(self.runs) + len(self.others)

    @property
    def others_by_title(self) -> Counter[str]:
        """How many stop below by title of status."""
        return Counter(live_title(node) or UNKNOWN for node in self.others)


def live_title(node: TreeNode) -> str | None:
    """The title of a run that would stop, or None if it ended already."""
    if node.run is not None and node.run.state is not None:
        return None if node.run.is_final else node.run.title
    if node.status is None:
        return UNKNOWN
    return None if node.status.canonical.is_final else node.status.title


def to_type(plan: ActionPlan, environment_name: str | None, *, is_production: bool) -> tuple[str, ...]:
    """What has to be typed, any one of these, where a yes is not enough: the number or the environment's name."""
    if plan.total <= MANY and not (is_production and len(plan.runs) > 1):
        return ()
    return (str(plan.total), *([environment_name] if environment_name else []))
