"""Encodes the store and the verdict as messages for screens, each once for all."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import field, fields
from datetime import UTC, datetime
from typing import Final

from tui.api import relay as wire
from tui.domain.facts import NO_FACTS, FactRead
from tui.domain.ids import RELAY, RunId
from tui.domain.update import CaughtUp, EnvironmentRead, RunGone, RunPatch
from tui.lazy_dataclass import dataclass
from tui.store.changes import Changes, Topic
from tui.store.store import Store

# Encodes the session's store as messages for screens.
#
# Changes are encoded once for all screens. A screen that has just connected gets a snapshot, which several may share.


CHUNK_RUNS: Final = 200
"""Runs in one message: about 100 KB, which a screen decodes without a noticeable delay."""

MAX_SNAPSHOT_CHANGES: Final = 1_000
"""Once more runs than this have changed since a snapshot was begun, the next screen gets a new one."""

FACT_TOPICS: Final = frozenset(
    {Topic.COUNTS, Topic.ENVIRONMENT, Topic.CAPABILITIES, Topic.SOURCES, Topic.HISTORY, Topic.RECONCILED, Topic.WINDOW}
)

_SENT: Final = tuple(field.name for field in fields(RunPatch) if field.name not in wire.UNSENT_FIELDS)
_ALL_TIMES: Final = (datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC))


@dataclass(frozen=True, slots=True)
class Broadcast:
    """Merged changes, and their messages for every screen that is up to date.

    The other screens use only `run_ids` and `has_facts`.
    """

    run_ids: frozenset[RunId]
    has_facts: bool
    messages: tuple[bytes, ...] = field(repr=False)


class Snapshot:
    """All runs that the store had at one moment, in chunks, newest first.

    Each chunk is encoded when it is first sent, with the runs as they are then. `changed` has the runs that were added
    or changed since the snapshot was begun, which its screens need afterwards.
    """

    def __init__(self, run_ids: Sequence[RunId], encode: Callable[[Sequence[RunId], wire.Chunk], bytes]) -> None:
        self.changed: set[RunId] = set()
        self._chunks = _chunked(run_ids) or [()]
        self._encode = encode
        self._encoded: dict[int, bytes] = {}

    def messages(self) -> Iterator[bytes]:
        """Yield the message of each chunk."""
        for number, run_ids in enumerate(self._chunks):
            if number not in self._encoded:
                chunk = wire.Chunk(number, is_last=number == len(self._chunks) - 1)
                self._encoded[number] = self._encode(run_ids, chunk)
            yield self._encoded[number]


class StoreEncoder:
    """Encodes a store. `now` is the server's time."""

    def __init__(self, store: Store, now: Callable[[], datetime]) -> None:
        self._store = store
        self.now = now
        self._snapshot: Snapshot | None = None

    def broadcast(self, changes: Changes) -> Broadcast | None:
        """Encode changes of the store. Return None if they do not concern screens."""
        run_ids = frozenset(changes.added | changes.changed)
        has_facts = not FACT_TOPICS.isdisjoint(changes.topics)
        if not run_ids and not has_facts:
            return None
        if self._snapshot is not None:
            self._snapshot.changed |= run_ids
            if len(self._snapshot.changed) > MAX_SNAPSHOT_CHANGES:
                # Screens that are still receiving it get these changes from `RelayClient.queue`.
                self._snapshot = None
        return Broadcast(run_ids, has_facts, (*self.changes(run_ids), *([self.facts()] if has_facts else [])))

    def changes(self, run_ids: Iterable[RunId]) -> Iterator[bytes]:
        """Yield messages with these runs, as they are when each message is encoded."""
        for chunk in _chunked(tuple(run_ids)):
            yield self._encode(chunk, None)

    def facts(self) -> bytes:
        """Return a message with everything that the store knows besides runs."""
        store, now = self._store, self.now()
        environment = EnvironmentRead(store.environment, now) if store.is_environment_known else None
        sources, lost = tuple(store.source_statuses.values()), dict(store.lost_capabilities)
        caught_up = CaughtUp(RELAY, store.caught_up) if store.caught_up is not None else None
        others = (caught_up, store.reconciled, store.history, store.window)
        facts = wire.RelayFacts(now, environment, store.server_counts, sources, lost, *others)
        return wire.encode_relay_message(facts)

    def snapshot(self) -> Snapshot:
        """Return a snapshot of all runs. Screens that connect at about the same time share one."""
        if self._snapshot is None:
            self._snapshot = Snapshot(self._store.created_between(*_ALL_TIMES), self._encode)
        return self._snapshot

    def _encode(self, run_ids: Iterable[RunId], chunk: wire.Chunk | None) -> bytes:
        runs = [run for run_id in run_ids if (run := self._store.get(run_id)) is not None]
        patches = [
            wire.encode_patch(RunPatch(**{name: getattr(run, name) for name in _SENT} | {"error": run.error_facet}))
            for run in runs
            if run.state is not None and run.read_at is not None  # otherwise only its id is known
        ]
        gone = [RunGone(run.id, run.gone_at) for run in runs if run.is_gone and run.gone_at is not None]
        return wire.encode_runs(self.now(), patches, gone, chunk)


def _chunked(run_ids: Sequence[RunId]) -> list[Sequence[RunId]]:
    return [run_ids[start : start + CHUNK_RUNS] for start in range(0, len(run_ids), CHUNK_RUNS)]


# Encodes the verdict and the facts of the wall for the screens that show them, each fact once for all.


class FindingsEncoder:
    """Encodes what a screen does not have yet. `now` is the server's time.

    `is_judged` says whether the store's verdict is the present one: while no screen watches, it gets old.
    """

    def __init__(self, store: Store, now: Callable[[], datetime], is_judged: Callable[[], bool]) -> None:
        self._store = store
        self._now = now
        self._is_judged = is_judged
        self._encoded: dict[object, tuple[object, bytes]] = {}

    def messages(self, sent: dict[object, object]) -> Iterator[bytes]:
        """Yield a message for each fact that is not in `sent`, and for the verdict, and record them there."""
        verdict = self._store.verdict
        if verdict is not None and self._is_judged() and sent.get(_VERDICT) is not verdict:
            sent[_VERDICT] = verdict
            yield wire.encode_relay_message(wire.RelayFindings(self._now(), verdict))
        facts = self._store.wall_facts or NO_FACTS
        present: dict[object, FactRead] = {name: each for name in wire.FACT_NAMES if (each := getattr(facts, name))}
        present |= {("runs", key): fact for key, fact in facts.schedule_runs.items()}
        present |= {("unread", key): fact for key, fact in facts.unread.items()}
        self._encoded = {key: each for key, each in self._encoded.items() if key in present}
        for key, fact in present.items():
            if sent.get(key) is not fact:
                sent[key] = fact
                if key not in self._encoded or self._encoded[key][0] is not fact:
                    self._encoded[key] = fact, wire.encode_relay_message(wire.message_of(self._now(), fact))
                yield self._encoded[key][1]
        for key in sent.keys() - present.keys() - {_VERDICT}:
            del sent[key]


_VERDICT = "verdict"
