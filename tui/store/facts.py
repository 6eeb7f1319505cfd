"""`Facts`: everything in the store except runs.

For example the environment, the status of each source, the server's counts, and the progress of actions.
"""

from datetime import datetime
from typing import TypeVar, assert_never

from tui.domain.action import ActionPhase, ActionStatus
from tui.domain.environment import Capability
from tui.domain.ids import RunId
from tui.domain.update import (
    BudgetRead,
    CapabilityLost,
    CapabilityRegained,
    CaughtUp,
    CountsRead,
    EnvironmentRead,
    HistoryRead,
    Reconciled,
    SourceConnected,
    SourceRetrying,
    SourceStopped,
    WindowRead,
)
from tui.store.changes import Topic

SourceStatus = SourceConnected | SourceRetrying | SourceStopped
Fact = (
    CountsRead
    | EnvironmentRead
    | CapabilityLost
    | CapabilityRegained
    | SourceStatus
    | CaughtUp
    | Reconciled
    | HistoryRead
    | WindowRead
    | BudgetRead
    | ActionStatus
)
T = TypeVar("T", CountsRead, EnvironmentRead, Reconciled, WindowRead)

# An action only moves forward. UNKNOWN comes before the other final phases, because a later read may find the outcome.
_PROGRESS = (
    ActionPhase.REQUESTED,
    ActionPhase.ACCEPTED,
    ActionPhase.UNKNOWN,
    ActionPhase.REFUSED,
    ActionPhase.FINISHED_FIRST,
    ActionPhase.CONFIRMED,
)


class Facts:
    """The latest fact of each kind.

    Of two facts with a server time, the later one is kept. Facts without a server time come from a single source, and
    the last one is kept. `_progress` orders the statuses of an action.
    """

    def __init__(self) -> None:
        self.environment: EnvironmentRead | None = None
        self.counts: CountsRead | None = None
        self.history: HistoryRead | None = None
        self.window: WindowRead | None = None
        self.budget: BudgetRead | None = None
        self.lost_capabilities: dict[Capability, str] = {}
        self.source_statuses: dict[str, SourceStatus] = {}
        self.caught_up: dict[str, CaughtUp] = {}
        self.reconciled: Reconciled | None = None
        self.actions: dict[RunId, ActionStatus] = {}

    def record(self, fact: Fact) -> Topic | None:
        """Store a fact and return the topic that changed; None if the fact is not new."""
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
            case CapabilityLost() | CapabilityRegained():
                return self._record_capability(fact)
            case SourceConnected() | SourceRetrying() | SourceStopped() | CaughtUp():
                return self._record_source(fact)
            case Reconciled():
                reconciled, self.reconciled = self.reconciled, _later(self.reconciled, fact)
                return Topic.RECONCILED if self.reconciled != reconciled else None
            case HistoryRead() | WindowRead():
                return self._record_coverage(fact)
            case BudgetRead():
                budget, self.budget = self.budget, fact
                return Topic.BUDGET if budget != fact else None
            case _:
                assert_never(fact)

    def _record_capability(self, fact: CapabilityLost | CapabilityRegained) -> Topic | None:
        before = self.lost_capabilities.get(fact.capability)
        if isinstance(fact, CapabilityLost):
            self.lost_capabilities[fact.capability] = fact.reason
        else:
            self.lost_capabilities.pop(fact.capability, None)
        return Topic.CAPABILITIES if self.lost_capabilities.get(fact.capability) != before else None

    def _record_coverage(self, fact: HistoryRead | WindowRead) -> Topic | None:
        if isinstance(fact, HistoryRead):
            history, self.history = self.history, fact
            return Topic.HISTORY if history != fact else None
        window, self.window = self.window, _later(self.window, fact)
        return Topic.WINDOW if self.window != window else None

    def _record_source(self, fact: SourceStatus | CaughtUp) -> Topic | None:
        if isinstance(fact, CaughtUp):
            caught_up, self.caught_up[fact.source] = self.caught_up.get(fact.source), fact
            return Topic.SOURCES if caught_up != fact else None
        status, self.source_statuses[fact.source] = self.source_statuses.get(fact.source), fact
        return Topic.SOURCES if status != fact else None


def _later(known: T | None, received: T) -> T:
    return known if known is not None and known.at > received.at else received


def _progress(action: ActionStatus) -> tuple[int, int, datetime, str, str]:
    """Return the sort key of an action's status: a later action on the run wins, then a later phase of the action."""
    return action.number, _PROGRESS.index(action.phase), action.at, action.message, action.new_run_id or ""
