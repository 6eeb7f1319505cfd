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
        self.window: WindowRead | None = None
        self.budget: BudgetRead | None = None
        self.lost: dict[Capability, str] = {}
        self.sources: dict[str, SourceStatus] = {}
        self.caught_up: dict[str, CaughtUp] = {}
        self.reconciled: Reconciled | None = None
        self.actions: dict[RunId, ActionStatus] = {}

    def record(self, fact: Fact) -> Topic | None:
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
            case CapabilityLost() | CapabilityRegained():
                return self._note_capability(fact)
            case SourceConnected() | SourceRetrying() | SourceStopped() | CaughtUp():
                return self._note_source(fact)
            case Reconciled():
                known_look, self.reconciled = self.reconciled, _later(self.reconciled, fact)
                return Topic.RECONCILED if self.reconciled != known_look else None
            case HistoryRead() | WindowRead():
                return self._note_reach(fact)
            case BudgetRead():
                budget, self.budget = self.budget, fact
                return Topic.BUDGET if budget != fact else None
            case _:
                assert_never(fact)

    def _note_capability(self, fact: CapabilityLost | CapabilityRegained) -> Topic | None:
        before = self.lost.get(fact.capability)
        if isinstance(fact, CapabilityLost):
            self.lost[fact.capability] = fact.reason
        else:
            self.lost.pop(fact.capability, None)
        return Topic.CAPABILITIES if self.lost.get(fact.capability) != before else None

    def _note_reach(self, fact: HistoryRead | WindowRead) -> Topic | None:
        if isinstance(fact, HistoryRead):
            history, self.history = self.history, fact
            return Topic.HISTORY if history != fact else None
        window, self.window = self.window, _later(self.window, fact)
        return Topic.WINDOW if self.window != window else None

    def _note_source(self, fact: SourceStatus | CaughtUp) -> Topic | None:
        if isinstance(fact, CaughtUp):
            caught_up, self.caught_up[fact.source] = self.caught_up.get(fact.source), fact
            return Topic.SOURCES if caught_up != fact else None
        status, self.sources[fact.source] = self.sources.get(fact.source), fact
        return Topic.SOURCES if status != fact else None


def _later(known: T | None, told: T) -> T:
    return known if known is not None and known.at > told.at else told


def _progress(action: ActionStatus) -> tuple[int, int, datetime, str, str]:
    """A later action on the same run replaces an earlier one; within one, phases only go forward."""
    return action.number, _PROGRESS.index(action.phase), action.at, action.message, action.new_run_id or ""
