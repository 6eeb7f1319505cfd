"""Events from outside: triggers, schedules, deployments, paused queues, and the moments of a story."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import accumulate
from random import Random

from tui.emulator.simulation.lifecycle import Lifecycle
from tui.emulator.simulation.records import Schedules, schedule_id, schedule_payload
from tui.emulator.simulation.runs import NewRun, OldRun, Run
from tui.emulator.simulation.script import Failure, Task

# A story: what happens at chosen moments of a world, beside its random events.
#
# `stories` tells them. A world creates the runs of its story, deploys its versions, and knows which runs it touches.


QUIET_MS = 900_000


@dataclass(frozen=True, slots=True)
class ScriptedDeploy:
    """A version that is deployed at a time, in epoch milliseconds.

    `bugs` maps a task to the error that each `bug_every`-th run of it throws. Random deployments stop `QUIET_MS` before
    the first one, and go on after one without bugs.
    """

    at_ms: int
    bugs: Mapping[str, Failure] = field(default_factory=dict)
    bug_every: int = 2


@dataclass(frozen=True, slots=True)
class Silence:
    """A schedule that starts no run from a due time on, in epoch milliseconds, although it is active.

    `spread_ms` is how long after each due time the server announces its run.
    """

    task_id: str
    from_ms: int
    spread_ms: int


def _touches_none(_: Run) -> bool:
    return False


@dataclass(frozen=True, slots=True)
class Story:
    """What happens in a world. `event_ms` is the moment that the story is about, None where nothing happens.

    `past` are runs that are triggered only if they are older than the history; they come on top of it. `runs` are
    triggered in any case. `touches` says whether a run carries the story's name as its label.
    """

    name: str
    event_ms: int | None = None
    past: Sequence[OldRun] = ()
    runs: Sequence[OldRun] = ()
    deploys: Sequence[ScriptedDeploy] = ()
    silence: Silence | None = None
    touches: Callable[[Run], bool] = _touches_none


NO_STORY = Story("")


# Events from outside: triggers, schedules, deployments and paused queues, all derived from the seed.
#
# Tasks are triggered at random by their weights. Now and then a bad deployment makes one task throw a new error until
# the next deployment fixes it.


DEPLOY_S = (900.0, 2400.0)
"""The time between two deployments, at least and at most."""

BAD_DEPLOY_SHARE = 0.3
BAD_DEPLOY_S = (180.0, 420.0)
"""The time until a bad version is fixed, at least and at most."""

PAUSE_S = (1800.0, 5400.0)
"""The time between two pauses of a queue, at least and at most."""

PAUSED_S = (60.0, 180.0)
"""How long a queue stays paused, at least and at most."""

TEST_SHARE = 0.01
KEY_SHARE = 0.04
"""The share of triggers with an idempotency key."""

KEY_NUMBERS = (100_000, 1_000_000)
FIRST_FAMILY_RUNS = 1.6
"""The assumed number of runs that one trigger causes, until enough triggers were counted."""

MIN_COUNTED = 20


class Arrivals:
    """Creates the runs that come from outside. `rate_per_s` counts all runs, also those started by other runs.

    At a rate of 0 nothing happens: no schedule is active until the API activates it, no version is deployed, no queue
    is paused.
    """

    def __init__(
        self,
        lifecycle: Lifecycle,
        tasks: Sequence[Task],
        bugs: Sequence[tuple[str, Failure]],
        pausable: Sequence[str],
        *,
        seed: int,
        rate_per_s: float,
    ) -> None:
        self.rate_per_s = rate_per_s
        self._lifecycle = lifecycle
        self._agenda = lifecycle.agenda
        self._random = Random(seed)
        self._tasks = [task for task in tasks if task.weight > 0]
        self._weights = list(accumulate(task.weight for task in self._tasks))
        self.schedules = Schedules(tasks, lifecycle.agenda, self.fire)
        self._bugs = list(bugs)
        self._buggy = [lifecycle.tasks[task_id] for task_id, _ in bugs]
        self._pausable = list(pausable)
        self._arrived = 0
        self.external_runs = 0
        """Runs created through the API. They do not slow down the company's own."""
        self._paused: set[str] = set()
        self._deploys: dict[str, int] = {}
        self._pacing: tuple[int, int] | None = None
        self._deploy_turn = 0
        """A planned deployment is void once the turn at which it was planned has passed."""

        self._is_deploying = True
        """Whether versions are deployed at random."""

    def begin(self) -> None:
        """Schedule the first event of each kind."""
        self._deploy(is_fix=True)
        if self._tasks:
            self._agenda.after(self._gap_ms(), self._arrive)
        self.schedules.begin()
        if self._tasks and self._pausable:
            self._agenda.after(self._between_ms(PAUSE_S), self._pause)

    def pace(self, until_ms: int, runs: int) -> None:
        """Until that time, create runs so fast that the world then has this many."""
        self._pacing = (until_ms, runs)

    def schedule_incident(self, begin_ms: int, end_ms: int) -> None:
        """Schedule a bad deployment and its fix."""
        if self._bugs:
            self._agenda.at(begin_ms, self._release, True)
            self._agenda.at(end_ms, self._release, False)

    def stop_pacing(self) -> None:
        """Create runs at the configured rate from now on. At a rate of 0 no schedule is active any more."""
        self._pacing = None
        if self.rate_per_s <= 0:
            self.schedules.deactivate_all()

    def _gap_ms(self) -> int:
        """The random time until the next trigger.

        One trigger causes a whole family of runs, so the rate of triggers is the rate of runs divided by its mean size.
        """
        created = self._lifecycle.created_count
        is_counted = self._arrived > MIN_COUNTED
        family = max(1.0, (created - self.external_runs) / self._arrived) if is_counted else FIRST_FAMILY_RUNS
        rate_per_s = self.rate_per_s
        if self._pacing is not None:
            until_ms, runs = self._pacing
            left_ms = until_ms - self._agenda.now_ms
            if left_ms <= 0 or created >= runs:
                return max(1, left_ms)
            gap_ms = int(self._random.expovariate((runs - created) / left_ms / family))
            # Never beyond the end of the paced period, or the next period would start with a gap of this one.
            return max(1, min(gap_ms, left_ms))
        if rate_per_s <= 0:
            return 3_600_000
        return max(1, int(self._random.expovariate(rate_per_s / family) * 1000))

    def _arrive(self) -> None:
        random = self._random
        is_due = self.rate_per_s > 0 if self._pacing is None else self._is_short_of_runs()
        if is_due:
            self._arrived += 1
            task = random.choices(self._tasks, cum_weights=self._weights)[0]
            self._trigger(task, is_test=random.random() < TEST_SHARE)
        self._agenda.after(self._gap_ms(), self._arrive)

    def _is_short_of_runs(self) -> bool:
        assert self._pacing is not None
        until_ms, runs = self._pacing
        return self._agenda.now_ms < until_ms and self._lifecycle.created_count < runs

    def _trigger(self, task: Task, *, is_test: bool = False) -> None:
        new = self._new(task, is_test=is_test)
        if (task.id, new.idempotency_key) not in self._lifecycle.ledger.by_idempotency:
            self._lifecycle.create(new)

    def _new(self, task: Task, *, is_test: bool = False) -> NewRun:
        """A random trigger of a task."""
        delay_ms = task.delay_ms(self._random) if task.delay_ms else 0
        tags = task.tags(self._random)
        key = f"{task.id}-{self._random.randrange(*KEY_NUMBERS)}" if self._random.random() < KEY_SHARE else ""
        return NewRun(task_id=task.id, tags=tags, delay_ms=delay_ms, is_test=is_test, idempotency_key=key)

    def fire(self, task: Task, due_ms: int) -> Run:
        """Create the run of a scheduled task for a due time, with its payload and without an idempotency key."""
        payload = schedule_payload(task, due_ms)
        new = replace(
            self._new(task), idempotency_key="", payload=payload, schedule_id=schedule_id(task), due_ms=due_ms
        )
        return self._lifecycle.create(new)

    def _deploy(self, *, is_fix: bool = False) -> None:
        is_bad = not is_fix and bool(self._bugs) and self._random.random() < BAD_DEPLOY_SHARE
        self._release(is_bad)
        seconds = BAD_DEPLOY_S if is_bad else DEPLOY_S
        self._agenda.after(self._between_ms(seconds), self._deploy_next, is_bad, self._deploy_turn)

    def stop_deploying(self) -> None:
        """Deploy nothing at random until a scripted deployment without bugs. A bad version is fixed now."""
        self._is_deploying = False
        self._deploy_turn += 1
        if self._lifecycle.dispatch.bugs:
            self._release(False)

    def deploy_scripted(self, deploy: ScriptedDeploy) -> None:
        """Deploy this version of a story now."""
        self._lifecycle.deploy(self._next_version(), deploy.bugs, bug_every=deploy.bug_every)
        if not deploy.bugs and not self._is_deploying:
            self._is_deploying = True
            self._agenda.after(self._between_ms(DEPLOY_S), self._deploy_next, False, self._deploy_turn)

    def _deploy_next(self, was_bad: bool, turn: int) -> None:  # noqa: FBT001  the agenda passes arguments by position
        if turn == self._deploy_turn and (self._is_working or was_bad):
            self._deploy(is_fix=was_bad)

    def _release(self, is_bad: bool) -> None:  # noqa: FBT001  the agenda passes arguments by position
        """Deploy a new version."""
        # The tasks with the most runs change most often.
        weights = [max(1.0, task.weight) for task in self._buggy]
        bugs = dict(self._random.choices(self._bugs, weights)) if is_bad else {}
        self._lifecycle.deploy(self._next_version(), bugs)

    def _next_version(self) -> str:
        day = datetime.fromtimestamp(self._agenda.now_ms / 1000, UTC).strftime("%Y%m%d")
        self._deploys[day] = self._deploys.get(day, 0) + 1
        return f"{day}.{self._deploys[day]}"

    def _pause(self) -> None:
        queue = self._lifecycle.queues.named(self._random.choice(self._pausable))
        if self._is_working and not queue.is_paused:
            queue.is_paused = True
            self._paused.add(queue.name)
            self._agenda.after(self._between_ms(PAUSED_S), self._resume, queue.name)
        self._agenda.after(self._between_ms(PAUSE_S), self._pause)

    def _resume(self, name: str) -> None:
        if name in self._paused:
            queue = self._lifecycle.queues.named(name)
            queue.is_paused = False
            self.forget_pause(name)
            self._lifecycle.dispatch.dequeue_runs(queue)

    def forget_pause(self, name: str) -> None:
        """Leave this queue as it is, because the API paused or resumed it."""
        self._paused.discard(name)

    @property
    def _is_working(self) -> bool:
        return self.rate_per_s > 0 or self._pacing is not None

    def _between_ms(self, seconds: tuple[float, float]) -> int:
        return int(self._random.uniform(*seconds) * 1000)
