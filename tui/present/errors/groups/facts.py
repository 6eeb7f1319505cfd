"""What the pane of a group shows beside the group itself. `ui.model.errors.facts` collects it from the store."""

from datetime import datetime, timedelta
from typing import Final

from tui.domain.errors.server_group import ServerErrorGroup
from tui.domain.ids import RunId
from tui.domain.run import Run
from tui.domain.text import Raw
from tui.lazy_dataclass import dataclass
from tui.store.errors.error_group import ErrorGroup

GOES_ON_FOR: Final = timedelta(minutes=2)
"""A group whose last failure is not older than this goes on."""


@dataclass(frozen=True, slots=True)
class VersionStart:
    """When the first run of a version started, where runs of other versions before it are known too."""

    version: Raw
    at: datetime


@dataclass(frozen=True, slots=True)
class Minutes:
    """The failures in each of some whole minutes, oldest first. `end` is the end of the last one."""

    counts: tuple[int, ...]
    end: datetime

    @property
    def start(self) -> datetime:
        """The start of the first minute."""
        return self.end - timedelta(minutes=len(self.counts))


@dataclass(frozen=True, slots=True)
class GroupFacts:
    """A group and its surroundings.

    * `span_words`: the shown span, like `last 24h`
    * `task_runs`: all runs of the group's only task in the span; None: not all of them are known
    * `version_start`: the start of the group's only version
    * `first_start`: when the first run of the group started; None: it is not known
    * `detail`: the server's only group with its detail, if that was read
    * `minutes`: the failures a minute around the last failure
    * `state_problem`: why the state is not known, as a sentence; empty: it is known
    * `is_complete`: every failed run of the span was read
    """

    group: ErrorGroup
    span_words: str
    first_run: RunId | None = None
    newest: Run | None = None
    task_runs: int | None = None
    version_start: VersionStart | None = None
    first_start: datetime | None = None
    detail: ServerErrorGroup | None = None
    minutes: Minutes | None = None
    state_problem: str = ""
    is_complete: bool = True

    @property
    def version(self) -> Raw | None:
        """The only version of the group."""
        return self.group.versions[0][0] if len(self.group.versions) == 1 else None

    def goes_on(self, now: datetime) -> bool:
        """Return whether runs still fail in this way. One failure shows no course."""
        return self.group.count > 1 and now - self.group.last_seen <= GOES_ON_FOR
