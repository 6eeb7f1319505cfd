"""The realtime feed: the sets of runs that a client can subscribe to, and when a poll is answered."""

from abc import ABC, abstractmethod
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from heapq import merge
from itertools import groupby, islice, takewhile
from random import Random

from tui.emulator.simulation.ledger import Change, Ledger
from tui.emulator.simulation.names import digest
from tui.emulator.simulation.runs import Run
from tui.emulator.world import LIST_LAG_MS, World

# Shapes: the sets of runs that a client can subscribe to, a batch or the recent runs with certain tags.
#
# Source: tests/wire/recordings/README.md §8, recordings 730-751.


MAX_ROWS = 1000
"""A shape with more rows loses the oldest ones without notice (recording 750)."""


@dataclass(frozen=True, slots=True)
class RecentRuns:
    """The runs created since a time that have all of these tags."""

    since_ms: int
    tags: tuple[str, ...] = ()

    def matches(self, run: Run) -> bool:
        """Whether the shape contains the run now. A run may get its tags later."""
        return run.created_ms >= self.since_ms and all(tag in run.tags for tag in self.tags)

    def newest(self, world: World) -> list[Run]:
        """The newest runs, at most `MAX_ROWS`, newest first."""
        runs = _newest_first(world, self.tags) if self.tags else reversed(world.ledger.by_number.values())
        recent = takewhile(lambda run: run.created_ms >= self.since_ms, runs)
        return list(islice(filter(self.matches, recent), MAX_ROWS))


@dataclass(frozen=True, slots=True)
class BatchRuns:
    """The runs of a batch, which all exist from its start."""

    batch_id: str
    runs: tuple[Run, ...]

    def matches(self, run: Run) -> bool:
        return run.batch_id == self.batch_id

    def newest(self, world: World) -> list[Run]:
        """The newest runs, at most `MAX_ROWS`, newest first."""
        known = (run for run in reversed(self.runs) if run.number in world.ledger.by_number)
        return list(islice(known, MAX_ROWS))


Shape = RecentRuns | BatchRuns
"""A shape of many runs. The shape of a single run is the run itself."""


def _newest_first(world: World, tags: tuple[str, ...]) -> Iterator[Run]:
    """Candidates for all of the tags: from the index of the rarest tag, and the runs too new for an index."""
    ledger = world.ledger
    rarest = min((ledger.with_field("tag", tag) for tag in tags), key=len)
    recent_ms = world.now_ms - 2 * LIST_LAG_MS[1]
    recent = takewhile(lambda run: run.created_ms >= recent_ms, reversed(ledger.by_number.values()))
    numbers = merge(reversed(rarest), (run.number for run in recent), reverse=True)
    return _known(ledger, (number for number, _ in groupby(numbers)))


def _known(ledger: Ledger, numbers: Iterable[int]) -> Iterator[Run]:
    return filter(None, map(ledger.by_number.get, numbers))


# Working sets: which rows the server has sent under each handle of a feed.
#
# The server forgets a handle that was unused for five minutes. Then it is as unknown as one that a client made up.
# Source: tests/wire/recordings/README.md §8.


RETENTION_MS = 300_000
MAX_SETS = 10_000


@dataclass(slots=True)
class WorkingSet:
    """The rows sent under one handle. `until_ms` is the end of the last window, `version` the world's version then."""

    sent: dict[int, int] = field(default_factory=dict)
    """The time of the last change that was sent, by the number of the run."""

    until_ms: int = 0
    version: int = 0
    used_ms: int = 0
    min_number: int = 0
    """Runs with lower numbers are not among the newest `MAX_ROWS`."""

    def is_new(self, change: Change) -> bool:
        """Whether the change was not sent yet."""
        if change.run.number < self.min_number:
            return False
        # Only the version shows that a change in the same millisecond as the last response came after it.
        return change.version > self.version or change.ms > self.sent.get(change.run.number, -1)

    def is_changed(self, run: Run) -> bool:
        """Whether the run changed since it was sent, or was never sent."""
        return run.updated_ms > self.sent.get(run.number, -1)

    def record(self, runs: Iterable[Run], version: int) -> list[tuple[Run, bool]]:
        """Record these runs as sent. Returns those that fit, each with whether it was sent before.

        `version` is the world's. Beyond `MAX_ROWS` the oldest are forgotten.
        """
        sent, self.version = self.sent, version
        found = [(run, run.number in sent) for run in runs]
        sent |= {run.number: run.updated_ms for run, _ in found}
        if len(sent) < MAX_ROWS:
            return found
        *dropped, self.min_number = sorted(sent)[: 1 - MAX_ROWS]
        for number in dropped:
            del sent[number]
        return [(run, is_known) for run, is_known in found if run.number >= self.min_number]


class WorkingSets:
    """The working sets of all environments, by handle."""

    def __init__(self) -> None:
        self._sets: OrderedDict[tuple[str, str], WorkingSet] = OrderedDict()

    def find(self, environment: str, handle: str, now_ms: int) -> WorkingSet | None:
        """The working set of a handle if the server still remembers it. Marks it as used now."""
        found = self._sets.get((environment, handle))
        if found is None or found.used_ms < now_ms - RETENTION_MS:
            return None
        found.used_ms = now_ms
        return found

    def make(self, environment: str, handle: str, now_ms: int) -> WorkingSet:
        """Create a working set for a handle."""
        made = self._sets[environment, handle] = WorkingSet(used_ms=now_ms)
        self._sets.move_to_end((environment, handle))
        if len(self._sets) > MAX_SETS:
            self._sets.popitem(last=False)
        return made

    def forget(self, environment: str) -> None:
        """Forget the sets of an environment, because its world was replaced."""
        for key in [key for key in self._sets if key[0] == environment]:
            del self._sets[key]


# Live polls of the realtime feed: when a poll is due, and which rows it returns.
#
# Changes of many runs are collected in windows; a change of a single run is sent almost at once. After about 20 s a
# poll is answered in any case, and only then the server compares the runs themselves instead of the logged changes.
# Source: tests/wire/recordings/README.md §8, recordings 700-761.


HOLD_MS = (17_000, 23_000)
"""How long a poll is held without a change, at least and at most."""

REPLAY_MS = 2_000
"""A poll returns changes from this long before it. Older changes wait for the end of the hold."""

WINDOW_MS = 250
"""The changes of many runs are collected for this long."""

RUN_LAG_MS = (13, 35)
SET_LAG_MS = (17, 90)
"""The delay from a change, or from the end of its window, until the client has the row; mostly near the lower end."""

INSERT, UPDATE = "insert", "update"


@dataclass(frozen=True, slots=True)
class PollResult:
    """The result of a poll: rows with their operations. `ms` is the time in the new offset."""

    rows: Sequence[tuple[Run, str]]
    ms: int


class Poll(ABC):
    """A live poll that began at `now_ms`. `offset_ms` is the client's position; the length of the hold is random.

    Changes before `since_ms` are found only at the end of the hold.
    """

    lag_ms: tuple[int, int]

    def __init__(self, world: World, offset_ms: int, now_ms: int, since_ms: int, random: Random) -> None:
        self.world = world
        self.is_buffered = False
        """Whether a proxy holds the response back until the end of the hold."""
        self._offset_ms = offset_ms
        self._until_ms = now_ms + random.randint(*HOLD_MS)
        low_ms, high_ms = self.lag_ms
        self._lag_ms = low_ms + int((high_ms - low_ms) * random.random() ** 3)
        first = next(world.log.since(since_ms), None)
        self._read_version = world.log.version if first is None else first.version - 1
        """Changes up to this version were read."""
        self._change: Change | None = None
        """The first change that concerns the client."""

    def due_ms(self) -> int:
        """When the poll is due, as far as the world has advanced."""
        if self._change is None:
            self._find_change()
        if self._change is None or self.is_buffered:
            return self._until_ms
        return self.answer_ms(self._change.ms)

    def answer_ms(self, change_ms: int) -> int:
        """When a change at that time would be answered at the latest."""
        return (
            self._until_ms if self.is_buffered else min(self._until_ms, self._window_end_ms(change_ms) + self._lag_ms)
        )

    def result_at(self, now_ms: int) -> PollResult | None:
        """Return the result if the poll is due, otherwise None."""
        while now_ms >= self.due_ms():
            if now_ms >= self._until_ms:
                return self._all_changes()
            if (result := self._changed(now_ms)).rows:
                return result
            # Another poll with the same handle got the change first.
            self._change = None
        return None

    def _find_change(self) -> None:
        for change in self.world.log.after(self._read_version):
            self._read_version = change.version
            if self._is_relevant(change):
                self._change = change
                return

    @abstractmethod
    def _is_relevant(self, change: Change) -> bool:
        """Whether the client must receive this change."""

    @abstractmethod
    def _window_end_ms(self, change_ms: int) -> int:
        """The end of the window of a change at that time."""

    @abstractmethod
    def _changed(self, now_ms: int) -> PollResult:
        """The changes that are due."""

    @abstractmethod
    def _all_changes(self) -> PollResult:
        """Every difference from the rows the client has, at the end of the hold."""


class RunPoll(Poll):
    """A poll of one run: answered when the run is newer than the client's offset (recordings 701-712, 761)."""

    lag_ms = RUN_LAG_MS

    def __init__(self, world: World, run: Run, offset_ms: int, now_ms: int, random: Random) -> None:
        self._run = run
        super().__init__(world, offset_ms, now_ms, now_ms - REPLAY_MS, random)

    def _is_relevant(self, change: Change) -> bool:
        return change.run is self._run and self._run.updated_ms > self._offset_ms

    def _window_end_ms(self, change_ms: int) -> int:
        return change_ms

    def _changed(self, _: int) -> PollResult:
        return self._all_changes()

    def _all_changes(self) -> PollResult:
        run = self._run
        if run.updated_ms > self._offset_ms:
            return PollResult([(run, UPDATE)], run.updated_ms)
        return PollResult([], self._offset_ms)


class SetPoll(Poll):
    """A poll of many runs: answered with the rows that their working set lacks (recordings 739-747, 760).

    Rows that were sent once are not sent again, even if they never arrived. A repeated poll's offset does not matter.
    """

    lag_ms = SET_LAG_MS

    def __init__(
        self, world: World, shape: Shape, known: WorkingSet, offset_ms: int, now_ms: int, random: Random
    ) -> None:
        self._shape = shape
        self._known = known
        self._phase_ms = digest("window", world.environment.id) % WINDOW_MS
        super().__init__(world, offset_ms, now_ms, max(known.until_ms, now_ms - REPLAY_MS), random)

    def _is_relevant(self, change: Change) -> bool:
        return self._shape.matches(change.run) and self._known.is_new(change)

    def _window_end_ms(self, change_ms: int) -> int:
        return change_ms + (self._phase_ms - change_ms) % WINDOW_MS

    def _changed(self, now_ms: int) -> PollResult:
        last_ms = now_ms - self._lag_ms
        last_ms -= (last_ms - self._phase_ms) % WINDOW_MS
        first = self._change.version - 1 if self._change else self._read_version
        changes = (change for change in self.world.log.after(first) if change.ms <= last_ms)
        runs = {change.run.number: change.run for change in changes if self._is_relevant(change)}
        return self._record(list(runs.values()), last_ms)

    def _all_changes(self) -> PollResult:
        runs = [run for run in self._shape.newest(self.world) if self._known.is_changed(run)]
        return self._record(runs, self.world.now_ms)

    def _record(self, runs: list[Run], until_ms: int) -> PollResult:
        self._known.until_ms = until_ms
        result = self._known.record(shuffled(runs), self.world.log.version)
        rows = [(run, UPDATE if is_known else INSERT) for run, is_known in result]
        return PollResult(rows, max([self._offset_ms, *(run.updated_ms for run, _ in rows)]))


def snapshot(world: World, shape: Shape, known: WorkingSet) -> PollResult:
    """All rows of the shape as inserts. Adds them to the working set (recordings 730-737, 741, 750)."""
    runs = _all(world, shape, known)
    return PollResult([(run, INSERT) for run in runs], max((run.updated_ms for run in runs), default=0))


def changes_since(world: World, shape: Shape, known: WorkingSet, offset_ms: int) -> PollResult:
    """The rows newer than the offset, for a client whose working set was lost (recording 740)."""
    rows = [(run, UPDATE) for run in _all(world, shape, known) if run.updated_ms > offset_ms]
    return PollResult(rows, max([offset_ms, *(run.updated_ms for run, _ in rows)]))


def _all(world: World, shape: Shape, known: WorkingSet) -> list[Run]:
    runs = shuffled(shape.newest(world))
    known.until_ms = world.now_ms
    known.record(runs, world.log.version)
    return runs


def shuffled(runs: list[Run]) -> list[Run]:
    """The same runs in an arbitrary but fixed order, as the real server sends them (recordings 731, 750)."""
    return sorted(runs, key=lambda run: run.seed)
