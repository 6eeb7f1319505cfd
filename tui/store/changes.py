"""What an update changed: the one thing that flows on from the store to those who show it.

What lives here: the values and how they add up. Who is told, and how often, is the session's.
"""

from dataclasses import dataclass, field
from enum import StrEnum

from tui.domain.ids import RunId
from tui.domain.run import Run
from tui.domain.status import RunStatus


class Topic(StrEnum):
    """What a pane may depend on. RUNS says that `added`, `changed` or `removed` is not empty; each other topic is the
    store's attribute of that name (COUNTS: `server_counts`, CAPABILITIES: `lost`, SOURCES: `caught_up` too).
    """

    RUNS = "runs"
    COUNTS = "counts"
    ENVIRONMENT = "environment"
    CAPABILITIES = "capabilities"
    SOURCES = "sources"
    HISTORY = "history"
    BUDGET = "budget"
    ACTIONS = "actions"
    RECONCILED = "reconciled"
    WINDOW = "window"


@dataclass(frozen=True, slots=True)
class Transition:
    """A run's status changed, as its title says. `before` is None where no status of it was known."""

    run_id: RunId
    before: Run | None
    after: Run


@dataclass(slots=True)
class Changes:
    """What became of the store since some moment; a run is in at most one of the three sets.

    `added`: it came, or came back (also one known only by reference, without a state yet). `changed`: it was there
    and is, and a facet of it, or an action on it, is not what it was. `removed`: it is not there now, though it may
    have come and gone since. `transitions` are in the order in which they were heard. `confirmed` counts the patches
    that told nothing new: they make no change.
    """

    added: set[RunId] = field(default_factory=set)
    changed: set[RunId] = field(default_factory=set)
    removed: set[RunId] = field(default_factory=set)
    transitions: list[Transition] = field(default_factory=list)
    topics: set[Topic] = field(default_factory=set)
    confirmed: int = 0

    @property
    def is_empty(self) -> bool:
        """Whether nobody needs to look again."""
        return not (self.added or self.changed or self.removed or self.transitions or self.topics)

    def record(self, before: Run | None, after: Run) -> None:
        """One run became another; None: it was not there."""
        if before is None:
            self.added.add(after.id)
        elif after.id not in self.added:
            self.changed.add(after.id)
        known = before if before is not None and before.state is not None else None
        if after.state is not None and (known is None or _says(known) != _says(after)):
            self.transitions.append(Transition(after.id, known, after))

    def merge(self, later: "Changes") -> None:
        """Take in what happened after. Associative; the last word on whether a run is there wins."""
        self.added -= later.removed
        self.added |= later.added
        self.changed -= later.added | later.removed
        self.changed |= later.changed - self.added
        self.removed -= later.added | later.changed
        self.removed |= later.removed
        self.transitions += later.transitions
        self.topics |= later.topics
        self.confirmed += later.confirmed


def _says(run: Run) -> tuple[RunStatus, str]:
    """The status in both spellings: an unknown word keeps its title when it turns out to be an end."""
    return run.status, run.title
