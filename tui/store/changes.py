"""`Changes`: what an update changed in the store. The session merges them and passes them to its listeners."""

from dataclasses import field
from enum import StrEnum

from tui.domain.ids import RunId
from tui.domain.run import Run
from tui.domain.status import RunStatus
from tui.lazy_dataclass import dataclass


class Topic(StrEnum):
    """A part of the store that changed.

    RUNS: `added`, `changed` or `removed` is not empty. COUNTS: `Store.server_counts`. CAPABILITIES:
    `Store.lost_capabilities`. SOURCES: `Store.source_statuses` or `Store.caught_up`. Each other topic is the attribute
    of the store with the same name.
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
    WALL_FACTS = "wall_facts"
    VERDICT = "verdict"


@dataclass(frozen=True, slots=True)
class Transition:
    """A run's status or its title changed. `before` is None if no status of the run was known."""

    run_id: RunId
    before: Run | None
    after: Run


@dataclass(slots=True)
class Changes:
    """The changes of the store since some moment. A run is in at most one of the three sets.

    * `added`: runs that are new. A run that is known only by its id, as the parent of another, counts too.
    * `changed`: runs with a different facet, or a different action on them.
    * `removed`: runs that the store has dropped. They may also have been added since.
    * `transitions`: changes of a run's status, in the order of the updates.
    * `confirmed`: the number of patches that had nothing new.
    """

    added: set[RunId] = field(default_factory=set)
    changed: set[RunId] = field(default_factory=set)
    removed: set[RunId] = field(default_factory=set)
    transitions: list[Transition] = field(default_factory=list)
    topics: set[Topic] = field(default_factory=set)
    confirmed: int = 0

    @property
    def is_empty(self) -> bool:
        """Whether nothing changed."""
        return not (self.added or self.changed or self.removed or self.transitions or self.topics)

    def record(self, before: Run | None, after: Run) -> None:
        """Record that a run changed from `before` to `after`. None: the store did not have it."""
        if before is None:
            self.added.add(after.id)
        elif after.id not in self.added:
            self.changed.add(after.id)
        known = before if before is not None and before.state is not None else None
        if after.state is not None and (known is None or _status_and_title(known) != _status_and_title(after)):
            self.transitions.append(Transition(after.id, known, after))

    def merge(self, later: "Changes") -> None:
        """Add changes that happened later. Associative. If a run was added and removed, the later event wins."""
        self.added -= later.removed
        self.added |= later.added
        self.changed -= later.added | later.removed
        self.changed |= later.changed - self.added
        self.removed -= later.added | later.changed
        self.removed |= later.removed
        self.transitions += later.transitions
        self.topics |= later.topics
        self.confirmed += later.confirmed


def _status_and_title(run: Run) -> tuple[RunStatus, str]:
    """Return the status and its title. An unknown word keeps its title but may become final."""
    return run.status, run.status_title


@dataclass(frozen=True, slots=True)
class ViewDelta:
    """How a view changed.

    `entered` and `left` are runs that the view now shows or no longer shows. `moved` runs have a different sort key,
    although their index may be the same. `changed` runs have the same key. Indexes come from the view.
    """

    entered: frozenset[RunId]
    left: frozenset[RunId]
    moved: frozenset[RunId]
    changed: frozenset[RunId]

    @property
    def is_empty(self) -> bool:
        """Whether nothing changed."""
        return not (self.entered or self.left or self.moved or self.changed)
