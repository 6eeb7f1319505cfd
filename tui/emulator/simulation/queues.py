"""Queues: their limits, their waiting and running runs, and whether they are paused.

A task has a queue of its own, stored as `task/<id>`. Custom queues have a bare name (tests/wire/recordings/README.md
§3, §7).
"""

from collections import OrderedDict
from dataclasses import dataclass, field

from tui.emulator.simulation.names import queue_id
from tui.emulator.simulation.runs import Run

OWN = "task/"


@dataclass(slots=True, eq=False)
class Queue:
    """One queue. `limit` is None for a queue without a limit of its own."""

    name: str
    id: str
    limit: int | None = None
    is_paused: bool = False
    running: int = 0
    waiting: OrderedDict[int, Run] = field(default_factory=OrderedDict)
    """Waiting runs by number, the next one first. Suspended runs that may continue wait here too, before all others."""

    backing_off: dict[int, Run] = field(default_factory=dict)
    """Runs whose next attempt is not due yet."""

    handed: dict[int, Run] = field(default_factory=dict)
    """Runs by number that hold a slot and that no worker has taken yet: the queues API counts them nowhere."""

    @property
    def is_custom(self) -> bool:
        """Whether tasks share it, rather than one task owning it."""
        return not self.name.startswith(OWN)

    @property
    def shown_name(self) -> str:
        """The name in the queues API, where a task's own queue has the task's name."""
        return self.name.removeprefix(OWN)

    @property
    def has_room(self) -> bool:
        """Whether a run may be dequeued now."""
        return not self.is_paused and (self.limit is None or self.running < self.limit)


class Queues:
    """All queues of an environment, created when they are first named."""

    def __init__(self, seed: int, limits: dict[str, int]) -> None:
        self.is_v2 = False
        """Whether queues are shown as newer servers show them: without limits, which are in a list of their own."""
        self._seed = seed
        self._limits = limits
        self._queues: dict[str, Queue] = {}

    def named(self, name: str) -> Queue:
        """The queue with that stored name."""
        queue = self._queues.get(name)
        if queue is None:
            queue = self._queues[name] = Queue(name, queue_id(self._seed, name), self._limits.get(name))
        return queue

    def find(self, key: str, kind: str) -> Queue | None:
        """Find a queue by `kind`: "id", "task" (the task's id) or "custom" (the name). None for a queue that was never
        named.
        """
        if kind == "id":
            return next((queue for queue in self._queues.values() if queue.id == key), None)
        return self._queues.get(f"{OWN}{key}" if kind == "task" else key)

    def all(self) -> list[Queue]:
        """All queues, ordered by the name that is shown."""
        return sorted(self._queues.values(), key=lambda queue: (queue.shown_name, queue.name))
