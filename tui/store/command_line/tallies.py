"""Counts loaded runs in small steps: by the values of their fields, and those that pass a filter.

Counting 100,000 runs takes a third of a second. A caller stops after some milliseconds, and goes on in the next turn.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from itertools import islice
from typing import Final

from tui.domain.filters import TASK_QUEUE_PREFIX
from tui.domain.ids import RunId
from tui.domain.run import Run
from tui.store.filter import Term
from tui.store.orders import Key

MAX_TAGS: Final = 5_000
"""Different tags that are counted, those of the newest runs: an environment may have one for each run."""

_RUNS_PER_STEP: Final = 64
_IDS_PER_STEP: Final = 512

MAX_FOUND_IDS: Final = 50

RunGetter = Callable[[RunId], Run | None]


class ValueTally:
    """The number of runs with each status, task, tag, version and queue.

    `is_complete`: all runs were counted, and the values of each field are in the order of their numbers.
    `has_all_tags`: no tag was left out.
    """

    def __init__(self, get: RunGetter, keys: Sequence[Key]) -> None:
        self._get = get
        self._keys = iter(keys)
        self._unsorted = ["status", "task", "tag", "version", "queue"]
        self.is_complete = False
        self.has_all_tags = True
        self.counts: dict[str, Counter[str]] = {name: Counter() for name in self._unsorted}

    def count_some(self, is_time_up: Callable[[], bool]) -> bool:
        """Count until the time is up. Return whether all runs are counted."""
        while not self.is_complete and not is_time_up():
            runs = _next_runs(self._keys, self._get)
            if runs is not None:
                self._add(runs)
            elif self._unsorted:
                name = self._unsorted.pop()
                self.counts[name] = Counter(dict(self.counts[name].most_common()))
            else:
                self.is_complete = True
        return self.is_complete

    def _add(self, runs: Sequence[Run]) -> None:
        counts = self.counts
        tags = counts["tag"]
        for run in runs:
            fixed = run.fixed
            counts["status"][run.status_title] += 1
            if fixed.task is not None:
                counts["task"][fixed.task] += 1
            if fixed.version is not None:
                counts["version"][fixed.version] += 1
            if fixed.queue is not None:
                counts["queue"][fixed.queue.removeprefix(TASK_QUEUE_PREFIX)] += 1
            for tag in run.state.tags if run.state is not None else ():
                if tag in tags or len(tags) < MAX_TAGS:
                    tags[tag] += 1
                else:
                    self.has_all_tags = False


class MatchTally:
    """The number of runs that pass a filter, of those in a window of time. `since` None: the window has no begin.

    Of runs created before the window only live ones are in it, as in the list; with `is_span` none are.
    """

    def __init__(
        self,
        get: RunGetter,
        keys: Sequence[Key],
        *,
        base: Term,
        matches: Term,
        since: datetime | None = None,
        is_span: bool = False,
    ) -> None:
        """`base` are the filters of the server, `matches` includes them."""
        self._get = get
        self._keys = iter(keys)
        self._base = base
        self._matches = matches
        self._since = since
        self._is_span = is_span
        self.total = self.matched = 0
        self.is_complete = False

    def count_some(self, is_time_up: Callable[[], bool]) -> bool:
        """Count until the time is up. Return whether all runs are counted."""
        while not self.is_complete and not is_time_up():
            runs = _next_runs(self._keys, self._get)
            if runs is None:
                self.is_complete = True
                continue
            for run in runs:
                if self._is_in_window(run) and self._base(run):
                    self.total += 1
                    self.matched += self._matches(run)
        return self.is_complete

    def _is_in_window(self, run: Run) -> bool:
        created_at = run.created_at
        if self._since is None or (created_at is not None and created_at >= self._since):
            return True
        return not self._is_span and not run.is_final


def _next_runs(keys: Iterator[Key], get: RunGetter) -> list[Run] | None:
    """Return the next runs that the store still has; None at the end."""
    some = list(islice(keys, _RUNS_PER_STEP))
    if not some:
        return None
    return [run for _, run_id in some if (run := get(run_id)) is not None and run.state is not None]


class IdSearch:
    """The newest runs whose id ends with a text, or else contains it; at most `MAX_FOUND_IDS` of each.

    Of an id as the list shows it, `run_cm…6e3t`, begin and end count.
    """

    def __init__(self, keys: Sequence[Key], part: str) -> None:
        self._keys = iter(keys)
        self._begin, self._cut, self._part = part.casefold().replace("..", "…").rpartition("…")
        self._ending: list[RunId] = []
        self._containing: list[RunId] = []
        self.is_complete = False

    @property
    def found(self) -> Sequence[RunId]:
        """The runs found so far, the best first."""
        return [*self._ending, *self._containing][:MAX_FOUND_IDS]

    def count_some(self, is_time_up: Callable[[], bool]) -> bool:
        """Search until the time is up. Return whether all ids were searched."""
        while not self.is_complete and not is_time_up():
            some = list(islice(self._keys, _IDS_PER_STEP))
            self.is_complete = not some or len(self._ending) >= MAX_FOUND_IDS
            for _, run_id in some:
                text = run_id.casefold()
                if text.endswith(self._part) and text.startswith(self._begin):
                    self._ending.append(run_id)
                elif not self._cut and len(self._containing) < MAX_FOUND_IDS and self._part in text:
                    self._containing.append(run_id)
        return self.is_complete
