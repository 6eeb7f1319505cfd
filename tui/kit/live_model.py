"""The bridge from the session to the widgets: merged changes, the pause, the freshness, and messages about failures."""

from collections import deque
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final, assert_never

from tui.domain.run import FEEDS, RUN_FEED, Capability, Run, RunId
from tui.domain.update import SourceConnected, SourceRetrying, SourceStopped
from tui.kit.selection import Selection
from tui.kit.words import Replayed, advice_on, feed_sentence, without_request
from tui.lazy_dataclass import dataclass
from tui.store.changes import Changes, Key, Topic
from tui.store.freshness import Freshness, FreshnessTracker
from tui.store.store import SourceStatus
from tui.sync.session import Session
from tui.text import formatting
from tui.text.blocks import Now, beside
from tui.text.styled import Line, Piece, Token

# The bridge from the session to the widgets: merged changes, the pause, the freshness.


_CONFIRMED: Final = frozenset({Topic.SOURCES, Topic.BUDGET})
"""The topics of an answer without any news. If the budget is short, the header shows that with the next tick."""


@dataclass(frozen=True, slots=True)
class PauseSnapshot:
    """The runs as they are shown during a pause.

    * `since`: when the pause began
    * `runs`: the runs at that moment
    * `frozen_at`: when they were last confirmed: earlier than `since` if the data was stale
    * `keys`: their sort keys, newest first
    """

    since: datetime
    runs: Mapping[RunId, Run]
    frozen_at: datetime
    keys: Sequence[Key] = ()


class LiveModel:
    """Returns runs and time as the screen shows them. `call_soon` schedules a call on the app's own message loop."""

    def __init__(self, session: Session, call_soon: Callable[[Callable[[], None]], object]) -> None:
        self.session = session
        self.freshness_tracker = FreshnessTracker(session.settings.interval_s)
        self.pause: PauseSnapshot | None = None
        self.in_minutes = False
        """Whether ages and running durations are shown in whole minutes."""
        self.overlay: Callable[[RunId], Piece | None] = lambda _: None
        """Returns the word that replaces the status of a run while an action on it is pending, or None."""
        self.replayed: Callable[[RunId], Replayed | None] = lambda _: None
        """Returns what is known of a replay of a run, if this session sent one."""
        self._publish: Callable[[Changes], None] = lambda _: None
        self._call_soon = call_soon
        self._pending = Changes()
        self._is_flush_scheduled = False
        self._started_s = session.clock.monotonic_s()
        self._failures: list[SourceStatus] = []

    def start(self, publish: Callable[[Changes], None]) -> None:
        """Pass the changes of the session to `publish` from now on."""
        self._publish = publish
        self.session.subscribe(self._on_changes)

    @property
    def get(self) -> Callable[[RunId], Run | None]:
        """Return a run as it is shown: the newest state, or that of the pause. Do not keep this function."""
        return self.session.store.get if self.pause is None else self.pause.runs.get

    def newest_first_keys(self) -> Sequence[Key]:
        """The sort keys of the runs as they are shown, newest first."""
        return self.session.store.newest_first_keys() if self.pause is None else self.pause.keys

    def status_word(self, run_id: RunId) -> Piece | None:
        """Return the word that replaces the status in the row of a run: its pending action, or that it was replayed."""
        replayed = self.replayed(run_id)
        return self.overlay(run_id) or (replayed and replayed.mark)

    @property
    def freshness(self) -> Freshness:
        """How fresh the data is."""
        clock = self.session.clock
        waited = timedelta(seconds=clock.monotonic_s() - self._started_s)
        return self.freshness_tracker.at(clock.elapsed_s(), self.session.now(), waited)

    @property
    def connection(self) -> tuple[object, ...]:
        """The freshness without its times: which sources work, and which do not."""
        state = self.freshness
        return state.level, state.leader, state.interval, state.failure, state.other_failure

    @property
    def now(self) -> Now:
        """The server's time, and the moment at which the timers on screen stand still, if they do."""
        at = self.session.local_now()
        if self.pause is not None:
            return Now(at, self.pause.frozen_at, self.in_minutes)
        freshness = self.freshness_tracker.at(self.session.clock.elapsed_s(), self.session.now())
        return Now(at, freshness.confirmed_at if freshness.is_stale else None, self.in_minutes)

    @property
    def waiting_count(self) -> int:
        """The number of runs that changed since the pause began."""
        if self.pause is None:
            return 0
        return len(self._pending.added) + len(self._pending.changed) + len(self._pending.removed)

    def toggle_pause(self) -> None:
        """Stop showing updates, or continue and show those that the pause held back."""
        if self.pause is None:
            self._flush()
            now, at, store = self.now, self.session.now(), self.session.store
            self.pause = PauseSnapshot(at, store.snapshot(), now.frozen_at or at, store.newest_first_keys())
            return
        self.pause = None
        self._flush()

    def _on_changes(self, changes: Changes) -> None:
        # The session's pump calls this. Drawing happens later: an exception in it would end the session.
        is_confirmed = Topic.SOURCES not in changes.topics or not self._record_sources()
        if is_confirmed and changes.topics <= _CONFIRMED:
            return
        topics = {*self._pending.topics}
        if self.pause is None:
            self._pending.merge(changes)
        else:
            self._merge_paused(changes, self.pause)
        if is_confirmed:
            self._pending.topics -= _CONFIRMED - topics
        if not self._is_flush_scheduled:
            self._is_flush_scheduled = True
            self._call_soon(self._flush)

    def _record_sources(self) -> bool:
        """Record the statuses of the sources. Return whether one of them began or stopped to work."""
        before, failures = self.connection, self._failures
        elapsed_s, now = self.session.clock.elapsed_s(), self.session.now()
        statuses = self.session.store.source_statuses.values()
        for status in statuses:
            self.freshness_tracker.record(status, elapsed_s, now)
        self._failures = [status for status in statuses if not isinstance(status, SourceConnected)]
        return self.connection != before or self._failures != failures

    def _merge_paused(self, changes: Changes, pause: PauseSnapshot) -> None:
        """Merge changes within bounds: drop transitions, and runs that both appeared and disappeared in the pause."""
        gone = {run_id for run_id in self._pending.added & changes.removed if run_id not in pause.runs}
        self._pending.merge(changes)
        self._pending.removed -= gone
        self._pending.transitions.clear()

    def _flush(self) -> None:
        self._is_flush_scheduled = False
        if self.pause is not None:
            # A pause holds back only runs. The state of the connection stays up to date.
            changes = Changes(topics=self._pending.topics - {Topic.RUNS})
            self._pending.topics &= {Topic.RUNS}
        else:
            changes, self._pending = self._pending, Changes()
        if not changes.is_empty:
            self._publish(changes)


# A fetch that is requested often and runs at most once at a time.


# The lines of the page `:messages`, which lists what went wrong, the newest last.


_MAX_WIDTH: Final = 110


@dataclass(frozen=True, slots=True)
class Message:
    """A message that was added `count` times, first at `first_at` and last at `at`."""

    at: datetime
    text: str
    first_at: datetime
    count: int = 1


def message_lines(message: Message, now: datetime, width: int) -> list[Line]:
    """Return a message in lines of at most `width` cells (at least 30): time, text, and how often it was added."""
    time = Piece(f"{formatting.clock(message.at, now)}  ", Token.FAINT)
    cells = len(time.text)
    lines = beside((time,), message.text, Token.TEXT, min(max(width, 30), _MAX_WIDTH + cells))
    if message.count > 1:
        often = f"{formatting.count(message.count)} times since {formatting.clock(message.first_at, now)}"
        lines.append((Piece(" " * cells), Piece(often, Token.FAINT)))
    return lines


# `Reporter` decides which changes are worth a message. `ActionController` adds those about actions.


MAX_MESSAGES: Final = 500
"""Bounds the memory of a session that runs for days on an unstable connection."""

DUPLICATE_WINDOW: Final = 8
"""A new message is compared with this many of the last ones. A duplicate is counted instead of added."""


MAX_SAID_ONCE: Final = 100
"""At most this many sentences are remembered, so that each of them is added only once."""


class Messages:
    """The last `MAX_MESSAGES` messages, the newest at the end."""

    def __init__(self) -> None:
        self._ring: deque[Message] = deque(maxlen=MAX_MESSAGES)
        self.added_count = 0
        """The number of calls of `add`."""

        self._said_once: set[str] = set()

    def __iter__(self) -> Iterator[Message]:
        return iter(self._ring)

    def __len__(self) -> int:
        return len(self._ring)

    def add(self, at: datetime, text: str) -> None:
        """Add a sentence. A recent duplicate moves to the end, and is counted."""
        self.added_count += 1
        known = next((each for each in list(self._ring)[-DUPLICATE_WINDOW:] if each.text == text), None)
        if known is None:
            self._ring.append(Message(at, text, at))
            return
        self._ring.remove(known)
        self._ring.append(Message(at, text, known.first_at, known.count + 1))

    def add_once(self, at: datetime, text: str) -> None:
        """Add a sentence about the files of the state directory once, although several files may cause it."""
        if text not in self._said_once and len(self._said_once) < MAX_SAID_ONCE:
            self._said_once.add(text)
            self.add(at, text)


_CAPABILITIES: Final = {
    Capability.QUERY: (
        "queries",
        "Counts cover only the listed runs. Deep levels of run trees may be missing.",
    ),
    Capability.TRACE: ("traces", "Attempts and stacks are not shown."),
    Capability.REALTIME: ("the live feed", "Changes are shown later."),
}
"""The name of each capability, and the consequence of losing it."""


class Reporter:
    """Adds a message for each new failure of a session."""

    def __init__(self, session: Session, messages: Messages) -> None:
        self._session = session
        self._messages = messages
        self._known: dict[Hashable, object] = {}
        """The last compared values, by their names."""
        self._failure_since: dict[str, datetime] = {}
        self._truncation_count = 0

    def _is_new(self, name: Hashable, value: object) -> bool:
        """Return whether something differs from what it was last time."""
        is_new = self._known.get(name) != value
        self._known[name] = value
        return is_new

    def on_changes(self, _changes: Changes) -> None:
        """Compare the state of the session with the one that was reported, and report the differences."""
        session = self._session
        for name, status in session.store.source_statuses.items():
            # No message about the feed of a single run: without it the run is polled.
            if name != RUN_FEED and self._is_new(name, status):
                self._report_source(name, status)
        for capability, (name, consequence) in _CAPABILITIES.items():
            reason = session.store.lost_capabilities.get(capability)
            # A capability that came back may be lost again, which is news.
            if self._is_new(capability, reason is not None) and reason is not None:
                refusal = without_request(reason).removesuffix(".")
                self._messages.add(session.now(), f"The server refuses {name}: {refusal}. {consequence}")
        for state, cause in (("blocked", session.interlock.reason), ("not logged", session.action_log.failure)):
            if self._is_new(state, cause) and cause is not None:
                self._messages.add(session.now(), f"Actions are {state}: {cause}.")
        for text in list(session.truncations)[self._truncation_count :]:
            self._messages.add(session.now(), f"Part of a response was dropped: {without_request(text)}.")
        self._truncation_count = len(session.truncations)
        reconciled = session.store.reconciled
        if self._is_new("reconciled", reconciled) and reconciled is not None and reconciled.missed_count:
            missed = formatting.plural(reconciled.missed_count, "run")
            text = f"The live feed missed changes of {missed}; the list had them."
            self._messages.add(reconciled.at, text)

    def report_selection(self, selection: Selection) -> None:
        """Report the fetches about the selected run that failed."""
        run_id = selection.run_id
        if run_id is None:
            return
        for need, state in selection.states.items():
            if state.failure is None or not self._is_new(need, (run_id, state.failure)):
                continue
            target = f"{need.name} of {run_id}" if need.name else run_id
            reason = without_request(state.failure).removesuffix(".")
            self._messages.add(self._session.now(), f"Could not read {target}: {reason}.")

    def _report_source(self, name: str, status: SourceStatus) -> None:
        match status:
            case SourceConnected():
                since = self._failure_since.pop(name, None)
                if since is not None:
                    event = "The live feed is back" if name in FEEDS else "Connected again"
                    self._messages.add(status.at, f"{event} after {formatting.wait(status.at - since)}.")
            case SourceRetrying() | SourceStopped() if name in FEEDS:
                self._failure_since.setdefault(name, status.at)
                if Capability.REALTIME not in self._session.store.lost_capabilities:
                    self._messages.add(status.at, feed_sentence(status))
            case SourceRetrying() | SourceStopped():
                self._failure_since.setdefault(name, status.at)
                settings = self._session.settings
                advice = advice_on(status, settings.api_url, is_relayed=settings.relay_url is not None)
                self._messages.add(status.at, advice.text)
            case _:
                assert_never(status)
