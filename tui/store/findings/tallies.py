"""`Tallies`: sums over runs, by task and minute. Runs can be added and removed in any order."""

from collections import Counter
from collections.abc import Callable
from typing import Final

from tui.domain.ids import RunId, TaskId
from tui.domain.text import Raw
from tui.store.findings.counted_run import CountedRun, Outcome
from tui.store.findings.durations import Durations
from tui.store.findings.packed_ends import EndsByTask, packed_end
from tui.store.view_keys import SortedKeys


class MinuteTotal:
    """What became of the runs of all tasks within one minute. `unstarted` of the ended ones never started."""

    __slots__ = ("done", "ended", "failed", "started", "triggered", "unstarted")

    def __init__(self) -> None:
        self.triggered = self.started = self.done = self.failed = self.ended = self.unstarted = 0

    @property
    def is_empty(self) -> bool:
        """Whether nothing happened in this minute."""
        return not (self.triggered or self.started or self.ended)


class TaskTally:
    """The live runs of a task, its recent ends, its durations in the last hour, and its versions."""

    __slots__ = ("durations", "executing", "failures", "queued", "recent", "versions")

    def __init__(self, hide: Callable[[object], object]) -> None:
        self.queued = SortedKeys((), hide)
        """When each waiting run was queued, in seconds, and its id."""
        self.executing = 0
        self.recent: dict[RunId, Outcome] = {}
        self.failures = SortedKeys((), hide)
        """The outcomes of failed runs of all kept minutes, oldest first."""
        self.durations = Durations()
        self.versions: Counter[Raw | None] = Counter()
        """Ended runs of all kept minutes."""

    @property
    def is_empty(self) -> bool:
        """Whether the task has no run that counts."""
        return not (self.queued or self.executing or self.recent or self.durations.count or self.versions)


NO_TOTAL: Final = MinuteTotal()


class Tallies:
    """The sums. `first`, `recent_first` and `hour_first` are the minutes from which counts, ends, durations are kept.

    `seconds` counts the recent ends by second and by whether the run failed.
    """

    def __init__(self, hide: Callable[[object], object]) -> None:
        """`hide` hides what forms no cycles from the garbage collector."""
        self._hide = hide
        self.first = self.recent_first = self.hour_first = 0
        self.ends: dict[int, EndsByTask] = {}
        self.totals: dict[int, MinuteTotal] = {}
        self.tasks: dict[TaskId, TaskTally] = {}
        self.seconds: Counter[tuple[int, bool]] = Counter()

    def add(self, part: CountedRun, sign: int = 1) -> None:
        """Add a run, or with the sign -1 remove it."""
        for kind, minute in (("triggered", part.created), ("started", part.started), ("ended", part.ended)):
            if minute is not None and minute >= self.first:
                self._add_to_total(part, kind, minute, sign)
        task = self.tasks.get(part.task)
        if task is None:
            task = self.tasks[part.task] = TaskTally(self._hide)
        task.executing += sign if part.is_executing else 0
        if part.queued_s is not None:
            (task.queued.add if sign > 0 else task.queued.discard)((part.queued_s, part.run_id))
        if part.ended is not None and part.ended >= self.first:
            self._add_end(task, part, part.ended, sign)
        if task.is_empty:
            del self.tasks[part.task]

    def leave_recent(self, part: CountedRun) -> None:
        """Forget a run among the recent ends."""
        task = self.tasks.get(part.task)
        outcome = None if task is None else task.recent.pop(part.run_id, None)
        if task is not None and outcome is not None:
            self._count_second(outcome, -1)

    def leave_hour(self, part: CountedRun) -> None:
        """Forget a run among the durations of the last hour."""
        if part.took_s is not None:
            self.tasks[part.task].durations.add(part.took_s, -1)

    def _add_to_total(self, part: CountedRun, kind: str, minute: int, sign: int) -> None:
        total = self.totals.get(minute)
        if total is None:
            total = self.totals[minute] = MinuteTotal()
        setattr(total, kind, getattr(total, kind) + sign)
        if kind == "ended":
            total.unstarted += sign if part.started is None else 0
            if part.outcome is not None:
                total.done += sign if not part.outcome.is_failed else 0
                total.failed += sign if part.outcome.is_failed else 0
            self._add_to_ends(part, minute, sign)
        if total.is_empty:
            del self.totals[minute]

    def _add_to_ends(self, part: CountedRun, minute: int, sign: int) -> None:
        ends = self.ends.setdefault(minute, {})
        left = ends.get(part.task, 0) + sign * packed_end(part.outcome)
        if left:
            ends[part.task] = left
        else:
            del ends[part.task]
            if not ends:
                del self.ends[minute]

    def _add_end(self, task: TaskTally, part: CountedRun, minute: int, sign: int) -> None:
        outcome = part.outcome
        if outcome is None:
            return
        task.versions[outcome.version] += sign
        if not task.versions[outcome.version]:
            del task.versions[outcome.version]
        if outcome.is_failed:
            (task.failures.add if sign > 0 else task.failures.discard)(outcome)
        if minute >= self.recent_first:
            if sign > 0:
                task.recent[part.run_id] = outcome
                self._hide(task.recent)
                self._count_second(outcome, sign)
            elif task.recent.pop(part.run_id, None) is not None:
                self._count_second(outcome, sign)
        if minute >= self.hour_first and part.took_s is not None:
            task.durations.add(part.took_s, sign)

    def _count_second(self, outcome: Outcome, sign: int) -> None:
        key = int(outcome.ended_s), outcome.is_failed
        self.seconds[key] += sign
        if not self.seconds[key]:
            del self.seconds[key]

    def forget(self, minute: int) -> None:
        """Forget the counts of a minute."""
        self.ends.pop(minute, None)
        self.totals.pop(minute, None)
