"""What the sources tell besides runs: where we are, what is refused, how far the reading got, what was asked of runs.

What lives here: the newest word on each. Runs are the `Store`'s own.
"""

from datetime import datetime
from typing import TypeVar, assert_never

from tui.domain.action import ActionPhase, ActionStatus
from tui.domain.environment import Capability
from tui.domain.ids import RunId
from tui.domain.update import (
    BudgetRead,
    CapabilityLost,
    CountsRead,
    EnvironmentRead,
    HistoryRead,
    SourceConnected,
    SourceRetrying,
    SourceStopped,
)
from tui.store.changes import Topic

SourceStatus = SourceConnected | SourceRetrying | SourceStopped
Fact = CountsRead | EnvironmentRead | CapabilityLost | SourceStatus | HistoryRead | BudgetRead | ActionStatus
T = TypeVar("T", CountsRead, EnvironmentRead)

# An action only goes forward. UNKNOWN is the weakest of its ends: a later read may still tell how it went.
_PROGRESS = (
    ActionPhase.REQUESTED,
    ActionPhase.ACCEPTED,
    ActionPhase.UNKNOWN,
    ActionPhase.REFUSED,
    ActionPhase.FINISHED_FIRST,
    ActionPhase.CONFIRMED,
)


class Facts:
    """The newest word on everything but runs.

    Counts and the environment carry the server's time, and the later one wins; of an action see `_progress`; all
    others are one speaker's, whose last word it is.
    """

    def __init__(self) -> None:
        self.environment: EnvironmentRead | None = None
        self.counts: CountsRead | None = None
        self.history: HistoryRead | None = None
        self.budget: BudgetRead | None = None
        self.lost: dict[Capability, str] = {}
        self.sources: dict[str, SourceStatus] = {}
        self.actions: dict[RunId, ActionStatus] = {}

    def note(self, fact: Fact) -> Topic | None:
        """Take in a fact; None: it was known, or a newer one is."""
        match fact:
            case ActionStatus():
                known = self.actions.get(fact.run_id)
                if known is not None and _progress(known) >= _progress(fact):
                    return None
                self.actions[fact.run_id] = fact
                return Topic.ACTIONS
            case CountsRead():
                known_counts, self.counts = self.counts, _later(self.counts, fact)
                return Topic.COUNTS if self.counts != known_counts else None
            case EnvironmentRead():
                known_environment, self.environment = self.environment, _later(self.environment, fact)
                return Topic.ENVIRONMENT if self.environment != known_environment else None
            case CapabilityLost():
                reason, self.lost[fact.capability] = self.lost.get(fact.capability), fact.reason
                return Topic.CAPABILITIES if reason != fact.reason else None
            case SourceConnected() | SourceRetrying() | SourceStopped():
                status, self.sources[fact.source] = self.sources.get(fact.source), fact
                return Topic.SOURCES if status != fact else None
            case HistoryRead():
                history, self.history = self.history, fact
                return Topic.HISTORY if history != fact else None
            case BudgetRead():
                budget, self.budget = self.budget, fact
                return Topic.BUDGET if budget != fact else None
            case _:
                assert_never(fact)


def _later(known: T | None, told: T) -> T:
    return known if known is not None and known.at > told.at else told


def _progress(action: ActionStatus) -> tuple[int, int, datetime, str, str]:
    """A later action on the same run replaces an earlier one; within one, phases only go forward."""
    return action.number, _PROGRESS.index(action.phase), action.at, action.message, action.new_run_id or ""
