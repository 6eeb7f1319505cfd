"""The queues: how many of their runs may run at once, who waits, and whether they are paused.

What lives here: counting. When a run leaves its queue is decided in `lifecycle`. A task has a queue of its own,
stored as `task/<id>`; custom queues have a bare name (wire/README.md §3, §7).
"""

from collections import OrderedDict
from dataclasses import dataclass, field

from tui.emulator.simulation.names import queue_id
from tui.emulator.simulation.runs import Run

OWN = "task/"


@dataclass(slots=True, eq=False)
class Queue:
    """One queue; `limit` None: no limit of its own."""

    name: str
    id: str
    limit: int | None = None
    is_paused: bool = False
    running: int = 0
    waiting: OrderedDict[int, Run] = field(default_factory=OrderedDict)
    """By number, the next one first. Those of suspended runs that may go on wait here too, before all others."""

    backing_off: dict[int, Run] = field(default_factory=dict)
    """Those that may not be handed out yet, since their next attempt is not due."""

    @property
    def is_custom(self) -> bool:
        """Whether it is shared by tasks, rather than one task's own."""
        return not self.name.startswith(OWN)

    @property
    def shown_name(self) -> str:
        """The name that the queues API tells: a task's own queue is called like the task there."""
        return self.name.removeprefix(OWN)

    @property
    def has_room(self) -> bool:
        """Whether a run may be taken from it now."""
        return not self.is_paused and (self.limit is None or self.running < self.limit)


class Queues:
    """All queues of an environment, made when they are first named."""

    def __init__(self, seed: int, limits: dict[str, int]) -> None:
        self._seed = seed
        self._limits = limits
        self._queues: dict[str, Queue] = {}

    def named(self, name: str) -> Queue:
        """The queue of that stored name."""
        queue = self._queues.get(name)
        if queue is None:
            queue = self._queues[name] = Queue(name, queue_id(self._seed, name), self._limits.get(name))
        return queue

    def find(self, key: str, kind: str) -> Queue | None:
        """By `kind`: "id", "task" (the task's id) or "custom" (the name); None when nobody has named it yet."""
        if kind == "id":
            return next((queue for queue in self._queues.values() if queue.id == key), None)
        return self._queues.get(f"{OWN}{key}" if kind == "task" else key)

    def all(self) -> list[Queue]:
        """All of them, by the name that is shown."""
        return sorted(self._queues.values(), key=lambda queue: (queue.shown_name, queue.name))
