"""The world: one environment of the company, as a pure function of its seed and of what was asked of it.

What lives here: putting the parts together, the making of the history, and what the server may do. No IO and no clock:
time passes when somebody says so (`advance`), and how often that is makes no difference.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from tui.emulator.environment import DEVELOPMENT, Environment
from tui.emulator.simulation.agenda import Agenda
from tui.emulator.simulation.arrivals import Arrivals
from tui.emulator.simulation.changes import ChangeLog
from tui.emulator.simulation.failure import Failure
from tui.emulator.simulation.ledger import Ledger
from tui.emulator.simulation.lifecycle import Lifecycle
from tui.emulator.simulation.names import digest
from tui.emulator.simulation.new_run import NewRun, OldRun
from tui.emulator.simulation.queues import Queue, Queues
from tui.emulator.simulation.runs import ABSENT, Run
from tui.emulator.simulation.script import Task
from tui.emulator.simulation.statuses import FINAL

LIST_LAG_MS = (300, 1000)
"""How long after it a change is known to lists and queries (wire/README.md §3)."""

EARLIER_SHARE = 0.6
EARLIER_MS = 12 * 3_600_000
"""This share of the history lies in that time, at least, before the busy last stretch."""

LAST_MS = 120_000
"""The end of the history, in which all is as it will be afterwards, so that as many are at work as ever."""

MIN_KEPT = 50_000
DROP_STEP = 2_000
TRIM_MS = 10_000
IDLE_TRIM_MS = 3_600_000
"""Where nobody is at work: a world of weeks is moved on at once."""

MAX_SKIPPED_SHARE = 0.25
"""So many dropped runs may be left in the indexes, for their number, before those are made anew."""

SIZED_FOR_PER_S = 20.0
"""Up to this rate the company's queues keep up as they are; beyond it their limits grow with it."""


@dataclass(frozen=True, slots=True)
class DemoTasks:
    """Who is at work: the tasks, the bugs that a bad deploy may bring, queues with a limit, queues that get paused."""

    tasks: Sequence[Task] = ()
    bugs: Sequence[tuple[str, Failure]] = ()
    limits: Mapping[str, int] = field(default_factory=dict)
    pausable: Sequence[str] = ()


class World:
    """An environment and its runs.

    `start_ms`: the moment at which the world is handed over, with exactly `history` finished runs. `rate_per_s`: runs
    a second from then on, those started by other runs included (0: nothing happens but what is asked for). Of the
    `old_runs` those are made that are older than the history.
    """

    def __init__(
        self,
        company: DemoTasks,
        *,
        start_ms: int,
        environment: Environment = DEVELOPMENT,
        seed: int = 0,
        rate_per_s: float = 0.0,
        history: int = 0,
        lag_ms: tuple[int, int] = LIST_LAG_MS,
        old_runs: Sequence[OldRun] = (),
    ) -> None:
        self.environment = environment
        busy_ms = LAST_MS + int(history * (1 - EARLIER_SHARE) / max(rate_per_s, 0.01) * 1000)
        earlier_ms = max(EARLIER_MS, int(history * EARLIER_SHARE / max(rate_per_s, 0.01) * 1000))
        begin_ms = start_ms - earlier_ms - busy_ms if history else start_ms
        seed = digest(seed, environment.slug)
        old_runs = [old for old in old_runs if start_ms - old.age_ms < begin_ms]
        self.agenda = Agenda(min([begin_ms, *(start_ms - old.age_ms for old in old_runs)]))
        self.ledger = Ledger()
        self.queues = Queues(seed, _limits(company.limits, rate_per_s))
        self.lifecycle = Lifecycle(
            environment,
            {task.id: task for task in company.tasks},
            self.agenda,
            self.ledger,
            self.queues,
            seed=seed,
            lag_ms=lag_ms,
        )
        for task in company.tasks:
            self.queues.named(task.queue or f"task/{task.id}")
        self._arrivals = Arrivals(
            self.lifecycle, company.tasks, company.bugs, company.pausable, seed=seed, rate_per_s=rate_per_s
        )
        self._make_old(start_ms, old_runs)
        self.agenda.run_until(begin_ms)
        self.lifecycle.begin()
        self._arrivals.begin()
        if history:
            self._make_history(start_ms, start_ms - busy_ms, history)
        self._max_kept = max(MIN_KEPT, 2 * history)
        self.lifecycle.copy_from_now_on()
        self.ledger.copy_all()
        self._trim()

    @property
    def now_ms(self) -> int:
        """The world's time, in epoch milliseconds."""
        return self.agenda.now_ms

    @property
    def log(self) -> ChangeLog:
        """What changed in the last half minute."""
        return self.lifecycle.log

    def advance(self, to_ms: int) -> None:
        """Let time pass until then."""
        self.agenda.run_until(to_ms)

    def list_all(self) -> None:
        """Let lists and queries know at once what they would in a while."""
        for run in self.ledger:
            if run.is_copying:
                self.ledger.copy(run)

    def find(self, run_id: str) -> Run | None:
        """The run of that id."""
        return self.ledger.by_id.get(run_id)

    def trigger(self, new: NewRun) -> tuple[Run, bool]:
        """Create a run, or find the one with the same idempotency key; says whether it was found."""
        if new.idempotency_key:
            known = self.ledger.by_idempotency.get((new.task_id, new.idempotency_key))
            if known is not None:
                return known, True
        self._arrivals.external_runs += 1
        return self.lifecycle.create(new), False

    def fire(self, task: Task) -> Run:
        """Let the schedule of a task start a run now."""
        self._arrivals.external_runs += 1
        return self._arrivals.fire(task)

    def cancel(self, run: Run) -> None:
        """Cancel a run and what is alive below it."""
        self.lifecycle.cancel(run)

    def replay(self, run: Run) -> Run:
        """Trigger the same again: nothing links the two (recording 411)."""
        payload = run.payload() if run.task or run.given_payload is not ABSENT else ABSENT
        self._arrivals.external_runs += 1
        return self.lifecycle.create(
            NewRun(
                task_id=run.task_id,
                payload=payload,
                tags=run.tags,
                queue=run.queue,
                machine=run.machine,
                concurrency_key=run.concurrency_key,
                is_test=run.is_test,
                script=run.given_script,
            )
        )

    def pause(self, queue: Queue, *, is_paused: bool) -> None:
        """Pause a queue, or let it go on."""
        self._arrivals.forget_pause(queue.name)
        queue.is_paused = is_paused
        self.lifecycle.hand_out(queue)

    def _make_old(self, start_ms: int, old_runs: Sequence[OldRun]) -> None:
        for old in sorted(old_runs, key=lambda old: -old.age_ms):
            self.agenda.run_until(start_ms - old.age_ms)
            day = datetime.fromtimestamp(self.now_ms / 1000, UTC).strftime("%Y%m%d")
            self.lifecycle.deploy(f"{day}.1", {})
            self.lifecycle.create(old.new)

    def _make_history(self, start_ms: int, busy_from_ms: int, history: int) -> None:
        """Live through the past, until just so many finished runs are left; the oldest too many are forgotten."""
        arrivals, rate_per_s = self._arrivals, self._arrivals.rate_per_s
        spare = int(30 * rate_per_s + 0.05 * history) + 50
        arrivals.pace(busy_from_ms, int(history * EARLIER_SHARE))
        self.agenda.run_until(busy_from_ms)
        arrivals.pace(start_ms - LAST_MS, history + spare)
        busy_ms = start_ms - LAST_MS - busy_from_ms
        arrivals.plan_incident(busy_from_ms + busy_ms // 2, busy_from_ms + busy_ms * 3 // 4)
        self.agenda.run_until(start_ms - LAST_MS)
        arrivals.stop_pacing()
        self.agenda.run_until(start_ms)
        finished = sum(run.status.is_final for run in self.ledger)
        self._forget(finished - history)

    def _trim(self) -> None:
        # By the world's own time, or what is known would depend on how often it is moved on.
        if len(self.ledger) > self._max_kept + DROP_STEP:
            finished = sum(len(self.ledger.with_status(word)) for word in FINAL)
            if finished > self._max_kept + DROP_STEP:
                self._forget(finished - self._max_kept)
        is_idle = not self._arrivals.rate_per_s and len(self.ledger) < self._max_kept // 2
        self.agenda.after(IDLE_TRIM_MS if is_idle else TRIM_MS, self._trim)

    def _forget(self, count: int) -> None:
        """Drop the oldest `count` finished runs: whole families first, then single runs and the ends of families."""
        gone: list[Run] = []
        for run in self.ledger:
            if len(gone) >= count:
                break
            family = _family(run) if run.root is None else []
            if len(gone) + len(family) <= count and all(member.status.is_final for member in family):
                gone += family
        for run in gone:
            self.ledger.drop(run)
        count -= len(gone)
        if count > 0:
            self._forget_singly(count)
        if len(self.ledger.visible()) > len(self.ledger) * (1 + MAX_SKIPPED_SHARE):
            self.ledger.compact()

    def _forget_singly(self, count: int) -> None:
        for run in sorted(self.ledger, key=lambda run: (run.depth > 0, -run.depth, run.number)):
            if count > 0 and run.status.is_final and not run.children:
                count -= 1
                if run.parent is not None:
                    # Its trace and who waits for it keep it: only the rows are gone.
                    run.parent.children = tuple(child for child in run.parent.children if child is not run)
                self.ledger.drop(run)


def _limits(limits: Mapping[str, int], rate_per_s: float) -> dict[str, int]:
    """The limits of a company of that size. One at a time stays one at a time, since it is meant."""
    size = max(1.0, rate_per_s / SIZED_FOR_PER_S)
    return {name: limit if limit == 1 else int(limit * size) for name, limit in limits.items()}


def _family(root: Run) -> list[Run]:
    family = [root]
    for run in family:
        family.extend(run.children)
    return family
