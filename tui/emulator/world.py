"""The world: one environment and its runs, as a pure function of its seed and of the requests it received.

It has no IO and no clock. Time passes only through `advance`, and the number of those calls makes no difference.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from tui.emulator.environment import DEVELOPMENT, Environment
from tui.emulator.simulation.arrivals import NO_STORY, QUIET_MS, Arrivals, Story
from tui.emulator.simulation.ledger import Agenda, ChangeLog, GroupKey, Ledger, drop_oldest
from tui.emulator.simulation.lifecycle import Lifecycle
from tui.emulator.simulation.names import digest
from tui.emulator.simulation.records import Queue, Queues, Schedules, Tokens
from tui.emulator.simulation.runs import ABSENT, FINAL, ErrorState, NewRun, OldRun, Run
from tui.emulator.simulation.script import Failure, Task

LIST_LAG_MS = (300, 1000)
"""The delay until lists and queries show a change (tests/wire/recordings/README.md §3)."""

EARLIER_SHARE = 0.6
EARLIER_MS = 12 * 3_600_000
"""At least this share of the history lies in this period, before the busy last part."""

LAST_MS = 120_000
"""The last part of the history runs at the final rate, so that the usual number of runs is live at the start."""

MIN_KEPT = 50_000
"""A world keeps at least this many finished runs."""

DROP_STEP = 2_000
"""Runs above the limit that are dropped together."""

TRIM_MS = 10_000
"""How often a world drops its oldest runs."""

IDLE_TRIM_MS = 3_600_000
"""The trim period of an idle world, so that weeks of it can be advanced at once."""

MIN_HISTORY_WITH_EXAMPLES = 40
"""A shorter history has no room for the examples."""

SIZED_FOR_PER_S = 20.0
"""Up to this rate the company's queues keep up; above it their limits grow with the rate."""


@dataclass(frozen=True, slots=True)
class DemoTasks:
    """The tasks of a company, the bugs of its bad deployments, its queue limits, and the queues that get paused.

    `examples` are runs of every history. `storm` returns the n-th run of a storm of failures with one cause.
    `error_states` are the states of error groups at the end of the history, by task and for that time.
    """

    tasks: Sequence[Task] = ()
    bugs: Sequence[tuple[str, Failure]] = ()
    limits: Mapping[str, int] = field(default_factory=dict)
    pausable: Sequence[str] = ()
    examples: Sequence[OldRun] = ()
    storm: Callable[[int], NewRun] | None = None
    error_states: Mapping[str, Callable[[int], ErrorState]] = field(default_factory=dict)


class World:
    """An environment and its runs.

    The world starts at `start_ms` with exactly `history` finished runs. `rate_per_s` counts the runs after that, also
    those started by other runs; at 0 only the API creates runs. `old_runs` are created only if they are older than the
    history; those that are finished count as a part of it, but for those of the `story`.
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
        story: Story = NO_STORY,
    ) -> None:
        self.environment = environment
        busy_ms = LAST_MS + int(history * (1 - EARLIER_SHARE) / max(rate_per_s, 0.01) * 1000)
        earlier_ms = max(EARLIER_MS, int(history * EARLIER_SHARE / max(rate_per_s, 0.01) * 1000))
        begin_ms = start_ms - earlier_ms - busy_ms if history else start_ms
        seed = digest(seed, environment.slug)
        examples = company.examples if history >= MIN_HISTORY_WITH_EXAMPLES else ()
        old_runs = [old for old in (*old_runs, *examples, *story.past, *story.runs) if start_ms - old.age_ms < begin_ms]
        self.agenda = Agenda(min([begin_ms, *(start_ms - old.age_ms for old in old_runs)]))
        self.ledger = Ledger()
        self.queues = Queues(seed, {name: scaled_limit(limit, rate_per_s) for name, limit in company.limits.items()})
        self.error_states: dict[GroupKey, ErrorState] = {}
        """The states that were set through the API. Any other group is unresolved."""
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
        self._examples: set[Run] = set()
        """The examples of the history, which the start does not drop."""
        self._old: list[tuple[Run, OldRun]] = []
        """The runs that are older than the history, which the start does not drop either."""
        self.story = story
        """What happens at chosen moments, beside the random events."""
        self._extra: set[Run] = set()
        """The runs that come on top of the history."""
        self._create_old_runs(start_ms, old_runs, examples)
        self.agenda.run_until(begin_ms)
        self.lifecycle.begin()
        self._arrivals.begin()
        self._schedule_story(start_ms, begin_ms)
        if history:
            self._schedule_examples(start_ms, [example for example in examples if example not in old_runs])
            self._simulate_history(start_ms, start_ms - busy_ms, history)
        else:
            self._arrivals.stop_pacing()
        self._max_kept = max(MIN_KEPT, 2 * history)
        self.lifecycle.changes.is_copying = True
        self.ledger.copy_all()
        self._set_error_states(company.error_states)
        self._examples.clear()
        self._old.clear()
        self._extra.clear()
        self._trim()

    @property
    def now_ms(self) -> int:
        """The world's time, in epoch milliseconds."""
        return self.agenda.now_ms

    @property
    def log(self) -> ChangeLog:
        """The changes of the last half minute."""
        return self.lifecycle.changes.log

    @property
    def tokens(self) -> Tokens:
        """The waitpoint tokens."""
        return self.lifecycle.tokens

    @property
    def schedules(self) -> Schedules:
        """The schedules of the company's tasks."""
        return self._arrivals.schedules

    def advance(self, to_ms: int) -> None:
        """Advance to that time."""
        self.agenda.run_until(to_ms)

    def copy_changes(self) -> None:
        """Copy all changes to lists and queries at once, without the delay."""
        for run in self.ledger:
            if run.is_copy_scheduled:
                self.ledger.copy(run)

    def find(self, run_id: str) -> Run | None:
        return self.ledger.by_id.get(run_id)

    def trigger(self, new: NewRun) -> tuple[Run, bool]:
        """Create a run, or find the one with the same idempotency key. The second value says whether it was found."""
        if new.idempotency_key:
            known = self.ledger.by_idempotency.get((new.task_id, new.idempotency_key))
            if known is not None:
                return known, True
        self._arrivals.external_runs += 1
        return self.lifecycle.create(new), False

    def fire(self, task: Task) -> Run:
        """Start a run of a scheduled task now."""
        self._arrivals.external_runs += 1
        return self._arrivals.fire(task, self.now_ms)

    def storm(self, runs: int, over_ms: int, new: Callable[[int], NewRun]) -> None:
        """Trigger this many runs, the first one now and the others evenly over the time."""
        for number in range(runs):
            self.agenda.after(over_ms * number // runs, self.trigger, new(number))

    def label(self, run: Run) -> str | None:
        """The name of the story, if it touches the run, or the true kind of its failure."""
        if self.story.touches(run):
            return self.story.name
        return run.label.value if run.label else None

    def cancel(self, run: Run) -> None:
        """Cancel a run and its live descendants."""
        self.lifecycle.cancel(run)

    def replay(self, run: Run) -> Run:
        """Trigger a copy of the run. Nothing links the two (recording 411)."""
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
        """Pause or resume a queue."""
        self._arrivals.forget_pause(queue.name)
        queue.is_paused = is_paused
        self.lifecycle.dispatch.dequeue_runs(queue)

    def _create_old_runs(self, start_ms: int, old_runs: Sequence[OldRun], examples: Sequence[OldRun]) -> None:
        for old in sorted(old_runs, key=lambda old: -old.age_ms):
            self.agenda.run_until(start_ms - old.age_ms)
            day = datetime.fromtimestamp(self.now_ms / 1000, UTC).strftime("%Y%m%d")
            self.lifecycle.deploy(f"{day}.1", {})
            run = self.lifecycle.create(old.new)
            self._examples.add(run)
            if old.is_extra:
                self._extra.add(run)
            elif old not in examples:
                self._old.append((run, old))

    def _set_error_states(self, states: Mapping[str, Callable[[int], ErrorState]]) -> None:
        for key, _ in self.ledger.failed.groups():
            if (state := states.get(key.task_id)) is not None:
                self.error_states[key] = state(self.now_ms)
        for run, old in self._old:
            if old.error_state is not None and run.failure is not None:
                self.error_states[GroupKey(run.failure.fingerprint, run.task_id)] = old.error_state(self.now_ms)

    def _schedule_examples(self, start_ms: int, examples: Sequence[OldRun]) -> None:
        for example in examples:
            if example.is_live and not self._arrivals.rate_per_s:
                continue
            self.agenda.at(start_ms - example.age_ms, self._create_example, example)

    def _schedule_story(self, start_ms: int, begin_ms: int) -> None:
        story = self.story
        for old in story.runs:
            if start_ms - old.age_ms >= begin_ms:
                self.agenda.at(start_ms - old.age_ms, self._create_example, old)
        if story.deploys:
            self.agenda.at(story.deploys[0].at_ms - QUIET_MS, self._arrivals.stop_deploying)
        if story.silence is not None:
            self.schedules.silence(story.silence.task_id, story.silence.from_ms, story.silence.spread_ms)
        for deploy in story.deploys:
            self.agenda.at(deploy.at_ms, self._arrivals.deploy_scripted, deploy)

    def _create_example(self, example: OldRun) -> None:
        run = self.lifecycle.create(example.new)
        self._examples.add(run)
        if example.is_extra:
            self._arrivals.external_runs += 1
            self._extra.add(run)
        if example.cancel_after_ms is not None:
            self.agenda.after(example.cancel_after_ms, self.lifecycle.cancel, run)

    def _simulate_history(self, start_ms: int, busy_from_ms: int, history: int) -> None:
        """Simulate the past until exactly `history` finished runs are left, and drop the oldest surplus."""
        arrivals, rate_per_s = self._arrivals, self._arrivals.rate_per_s
        spare = int(30 * rate_per_s + 0.05 * history) + 50
        arrivals.pace(busy_from_ms, int(history * EARLIER_SHARE))
        self.agenda.run_until(busy_from_ms)
        arrivals.pace(start_ms - LAST_MS, history + spare)
        busy_ms = start_ms - LAST_MS - busy_from_ms
        if not self.story.deploys:
            arrivals.schedule_incident(busy_from_ms + busy_ms // 2, busy_from_ms + busy_ms * 3 // 4)
        self.agenda.run_until(start_ms - LAST_MS)
        arrivals.stop_pacing()
        self.agenda.run_until(start_ms)
        if self.story is not NO_STORY:
            # The last run of each schedule proves that the schedule was kept.
            fired = {run.schedule_id: run for run in self.ledger if run.schedule_id}.values()
            self._examples.update(fired)
            self._extra.update(fired)
        finished = sum(run.status.is_final and (run.root or run) not in self._extra for run in self.ledger)
        drop_oldest(self.ledger, finished - history, self._examples)

    def _trim(self) -> None:
        # Scheduled in the world's time: the kept runs must not depend on how often the world is advanced.
        if len(self.ledger) > self._max_kept + DROP_STEP:
            finished = sum(len(self.ledger.with_status(status)) for status in FINAL)
            if finished > self._max_kept + DROP_STEP:
                drop_oldest(self.ledger, finished - self._max_kept)
        is_idle = not self._arrivals.rate_per_s and len(self.ledger) < self._max_kept // 2
        self.agenda.after(IDLE_TRIM_MS if is_idle else TRIM_MS, self._trim)


def scaled_limit(limit: int, rate_per_s: float) -> int:
    """Scale a queue's limit with the rate. A limit of 1 stays, because it is there to serialise runs."""
    return limit if limit == 1 else int(limit * max(1.0, rate_per_s / SIZED_FOR_PER_S))
