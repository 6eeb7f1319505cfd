"""What all screens are told: changes, written once for all of them, and the snapshot that each begins with.

What lives here: the writing, out of the session's store. Which screen is sent what, and when, is `screens`'s.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from typing import Final

from tui.domain.ids import RunId
from tui.domain.run import Run
from tui.domain.source_names import RELAY
from tui.domain.update import CaughtUp, EnvironmentRead, RunGone, RunPatch
from tui.store.changes import Changes, Topic
from tui.store.store import Store
from tui.wire.relay.codec import UNSENT
from tui.wire.relay.messages import Chunk, RelayFacts, encode_patch, encode_relay_message, encode_runs

CHUNK_RUNS: Final = 200
"""Of one message: some 100 KB, which a screen takes in without missing a key."""

SNAPSHOT_DRIFT: Final = 1_000
"""Runs that may have changed since a snapshot was begun: with more of them the next screen begins a new one."""

TOLD_FACTS: Final = frozenset(
    {
        Topic.COUNTS,
        Topic.ENVIRONMENT,
        Topic.CAPABILITIES,
        Topic.SOURCES,
        Topic.HISTORY,
        Topic.RECONCILED,
        Topic.WINDOW,
    }
)

_SENT: Final = tuple(field.name for field in fields(RunPatch) if field.name not in UNSENT)
_ALWAYS: Final = (datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC))


@dataclass(frozen=True, slots=True)
class Tick:
    """What changed within a moment, and the messages that say it: the same for every screen that is up to date."""

    run_ids: frozenset[RunId]
    has_facts: bool
    messages: tuple[bytes, ...] = field(repr=False)


class Snapshot:
    """All runs of a moment in chunks, the newest first. Each chunk is written when it is first sent, as the runs are
    then; `changed` are the runs that came or changed since the beginning.
    """

    def __init__(self, run_ids: Sequence[RunId], write: Callable[[Sequence[RunId], Chunk], bytes]) -> None:
        self.changed: set[RunId] = set()
        self._parts = _parts(run_ids) or [()]
        self._write = write
        self._written: dict[int, bytes] = {}

    def __len__(self) -> int:
        return len(self._parts)

    def message(self, number: int) -> bytes:
        """One chunk, from 0."""
        if number not in self._written:
            chunk = Chunk(number, is_last=number == len(self._parts) - 1)
            self._written[number] = self._write(self._parts[number], chunk)
        return self._written[number]


class Feed:
    """Writes what the store knows, in the server's time."""

    def __init__(self, store: Store, now: Callable[[], datetime]) -> None:
        self._store = store
        self._now = now
        self._snapshot: Snapshot | None = None

    def tick(self, changes: Changes) -> Tick | None:
        """What some changes mean to a screen; None: nothing."""
        run_ids = frozenset(changes.added | changes.changed)
        has_facts = not TOLD_FACTS.isdisjoint(changes.topics)
        if not run_ids and not has_facts:
            return None
        if self._snapshot is not None:
            self._snapshot.changed |= run_ids
            if len(self._snapshot.changed) > SNAPSHOT_DRIFT:
                self._snapshot = None  # who is being sent it has heard of these changes too
        facts = (self.facts(),) if has_facts else ()
        return Tick(run_ids, has_facts, (*self.changes(run_ids), *facts))

    def changes(self, run_ids: Iterable[RunId]) -> Iterator[bytes]:
        """Messages about some runs, as they are at the moment in which each is written."""
        for part in _parts(tuple(run_ids)):
            yield self._write(part, None)

    def facts(self) -> bytes:
        """A message about everything else."""
        store, now = self._store, self._now()
        return encode_relay_message(
            RelayFacts(
                now,
                environment=EnvironmentRead(store.environment, now) if store.is_environment_known else None,
                counts=store.server_counts,
                sources=tuple(store.source_statuses.values()),
                lost=dict(store.lost_capabilities),
                caught_up=CaughtUp(RELAY, store.caught_up) if store.caught_up is not None else None,
                reconciled=store.reconciled,
                history=store.history,
                window=store.window,
            )
        )

    def snapshot(self) -> Snapshot:
        """All runs. Screens that begin at about the same time share one."""
        if self._snapshot is None:
            self._snapshot = Snapshot(self._store.created_between(*_ALWAYS), self._write)
        return self._snapshot

    def _write(self, run_ids: Iterable[RunId], chunk: Chunk | None) -> bytes:
        runs = [run for run_id in run_ids if (run := self._store.get(run_id)) is not None]
        rows = [encode_patch(patch) for run in runs if (patch := _patch_of(run)) is not None]
        gone = [RunGone(run.id, run.gone_at) for run in runs if run.is_gone and run.gone_at is not None]
        return encode_runs(self._now(), rows, gone, chunk)


def _parts(run_ids: Sequence[RunId]) -> list[Sequence[RunId]]:
    return [run_ids[start : start + CHUNK_RUNS] for start in range(0, len(run_ids), CHUNK_RUNS)]


def _patch_of(run: Run) -> RunPatch | None:
    """All of a run that travels; None where only its id is known."""
    if run.state is None or run.read_at is None:
        return None
    return RunPatch(**{name: getattr(run, name) for name in _SENT})
