"""What the server is asked to leave out of a list of runs.

What lives here: the value. How it becomes a query is `wire.client`'s; what is filtered here, among the runs that we
have, is `store.filter`'s. Source: wire/README.md §3, recordings 020-063.
"""

from dataclasses import dataclass
from datetime import datetime

from tui.domain.ids import BatchId, TaskId


@dataclass(frozen=True, slots=True)
class RunFilters:
    """Which runs a list holds: those that match one value of every field that is not empty.

    `statuses` are REST words (`EXECUTING` does not match `DEQUEUED`); several `tags` mean any of them; `queues` are
    stored names (`task/<task-id>` for a task's own queue); `period` is the server's text (`1h`, `7d`), which it
    ignores when it cannot read it; `created_from` and `created_to` are kept to the millisecond.
    """

    statuses: tuple[str, ...] = ()
    tasks: tuple[TaskId, ...] = ()
    tags: tuple[str, ...] = ()
    versions: tuple[str, ...] = ()
    queues: tuple[str, ...] = ()
    machines: tuple[str, ...] = ()
    regions: tuple[str, ...] = ()
    batch: BatchId | None = None
    is_test: bool | None = None
    period: str | None = None
    created_from: datetime | None = None
    created_to: datetime | None = None

    @property
    def is_empty(self) -> bool:
        """Whether it leaves nothing out."""
        return self == RunFilters()
