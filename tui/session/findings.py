"""Judges the facts while a watcher shows findings: overview, wall, queues, `status`, an alert, or a relay's screen.

Without a watcher, no fact is read and no run is counted. On a relay, the relay judges: this session only says when the
relay has been silent for too long.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from tui.domain.source_names import REALTIME, RELAY, REST
from tui.domain.update import SourceConnected, SourceRetrying, SourceStopped
from tui.sources.clock import until_second_s
from tui.store.changes import Changes, Topic

if TYPE_CHECKING:
    from tui.domain.findings.facts import FactSource, MinutesRead, WallFacts
    from tui.domain.findings.finding import SourceUnread, Verdict
    from tui.session.session import Session
    from tui.sources.findings.source import FactsSource
    from tui.sources.relay.connection import RelayConnection
    from tui.store.findings.judging.judge import HeldFindings
    from tui.store.findings.own_counts import OwnCounts

FIRST_TICK_S: Final = 0.1
"""Findings are judged each second, but until the first verdict this often: a wall says NOT KNOWN until then."""

UNCHANGED_TICKS: Final = 3
"""Without a change of the store, findings are judged every so many ticks: their bounds are tens of seconds."""

LINGER_S: Final = 5.0
"""Reading goes on for so long after the last watcher left: a cursor that moves hides and shows the overview."""

MAX_PENDING: Final = 10_000
"""Changed runs that the counts may lack without a watcher. Counting them takes 0.2 s."""

FIRST_FACTS_S: Final = 6.0
"""The first verdict waits for so long for facts, so that `wall --json` has it within 10 s. It says what is unread."""

SERVER_TIME_WITHIN_S: Final = 5.0
SERVER_TIME_LOOK_S: Final = 0.1
"""The facts wait for so long for the first answer of list or feed, and look so often for it."""

SAME_FACTS_FOR: Final = timedelta(seconds=20)
"""Queues and waits are read this often, so every watcher sees answers of up to this age."""

SILENT_AFTER: Final = timedelta(seconds=41)
"""As `judge.UNKNOWN_AFTER`, which is not imported before anybody watches."""

_NO_TIME: Final = datetime.min.replace(tzinfo=UTC)
_LISTS: Final = (REST, REALTIME, RELAY)
_TOPICS: Final = frozenset({Topic.RUNS, Topic.WALL_FACTS, Topic.WINDOW, Topic.HISTORY, Topic.ENVIRONMENT})


class LiveFindings:
    """Who watches, and the loop that judges. `store.verdict` and `store.wall_facts` have the result.

    `own` are the own counts of the store, None without a watcher.
    """

    def __init__(self, session: "Session") -> None:
        self._session = session
        self._watchers: set[object] = set()
        self._task: asyncio.Task[None] | None = None
        self._facts: FactsSource | None = None
        self._held: HeldFindings | None = None
        self._heard: dict[str, tuple[SourceConnected, float]] = {}
        self._complete: tuple[SourceConnected, float] | None = None
        """The last answer of the list after which every live run was known, and when it came."""
        self._has_changed = True
        self._old_verdict: Verdict | None = None
        """The known verdict from before a pause without a watcher."""
        self._first_facts_until_s = 0.0
        self._counting_since: datetime | None = None
        self._counts: OwnCounts | None = None
        """Kept without a watcher until too much has changed: to count the whole store again would cost more."""
        self._stop_counting: Callable[[], None] = lambda: None
        self.is_judged = False
        """Whether the store's verdict is the present one. It gets old without a watcher."""

        self.own: OwnCounts | None = None

    @property
    def is_watched(self) -> bool:
        """Whether there is a watcher."""
        return bool(self._watchers)

    @property
    def verdict(self) -> "Verdict | None":
        """The store's verdict; None while it is from before a pause without a watcher, until the loop replaces it."""
        verdict = self._session.store.verdict
        return None if verdict is self._old_verdict else verdict

    def watch(self) -> Callable[[], None]:
        """Judge from now on. Return a function that ends it, unless others watch."""
        watcher = object()
        self._watchers.add(watcher)
        self._start()
        return lambda: self._watchers.discard(watcher)

    def on_started(self) -> None:
        """Begin what was asked for before the session had a connection."""
        if self._watchers:
            self._start()

    async def read_span(self, since: datetime, until: datetime, cell: timedelta) -> "MinutesRead":
        """Read what runs did in another span of time, within the allowance of the facts. Raises `ApiError`."""
        session = self._session
        if session.sources.relay is not None:
            from tui.sources.budget import Priority
            from tui.sources.findings.minutes import read_span
            from tui.sources.findings.queries import Rows
            from tui.wire.errors import Refused
            from tui.wire.queries import NamedQuery

            async def query(query: NamedQuery) -> Rows:
                rows = await session.fetcher.query(query, Priority.VISIBLE)
                if rows is None:
                    raise Refused("the relay's key may not query, or the query failed", 400)
                return rows

            return await read_span(query, since, until, cell, session.now())
        return await self._facts_source().read_span(since, until, cell)

    def _start(self) -> None:
        if self._task is None and self._session.is_started:
            verdict = self._session.store.verdict
            self._old_verdict = verdict if verdict is not None and verdict.is_known else None
            # Otherwise the rates of a screen that opens again are unknown until its next tick.
            if self._counts is not None and not self._counts.step(self._session.now()):
                self.own = self._counts
            self._task = self._session.spawn(self._run(), "findings")

    async def _run(self) -> None:
        """Read and judge until there was no watcher for LINGER_S."""
        session = self._session
        from tui.store.findings.own_counts import OwnCounts

        self._first_facts_until_s = session.clock.elapsed_s() + FIRST_FACTS_S
        self._counting_since = session.now()
        await self._forget_old_verdict()
        if self._counts is None:
            self._counts = OwnCounts(session.store)
            self._stop_counting = session.subscribe(self._on_changes)
        self.own = self._counts
        self._has_changed = True
        relay = session.sources.relay
        reading = session.spawn(self._read_facts() if relay is None else relay.watch(is_watching=True), "facts")
        try:
            await self._judge_until_unwatched()
        finally:
            self._task, self.own, self.is_judged = None, None, False
            reading.cancel()
        if relay is not None:
            await self._leave(relay)

    async def _leave(self, relay: "RelayConnection") -> None:
        # A new watcher may have come while this waits.
        await relay.watch(is_watching=self.is_watched)

    async def _forget_old_verdict(self) -> None:
        """Forget a verdict from before a pause. If the server has been silent, it stays as not known.

        It also stays where the next one comes at once: wall and overview would say for a moment that nothing is known.
        """
        verdict, session = self._session.store.verdict, self._session
        if verdict is None or not verdict.is_known:
            return
        from tui.domain.findings.facts import NO_FACTS
        from tui.domain.findings.finding import FindingsRead

        heard_at, now = self._heard_at(), session.now()
        facts = session.store.wall_facts or NO_FACTS
        if heard_at is None or now - heard_at > SILENT_AFTER:
            old = replace(verdict, at=now, heard_at=heard_at or verdict.heard_at, is_known=False)
            await session.emit(FindingsRead(old))
        elif session.sources.relay is not None or self._counts is None or not self._has_first_facts(facts):
            await session.emit(FindingsRead(None))

    async def _judge_until_unwatched(self) -> None:
        clock, ticks, unwatched_s = self._session.clock, 0, 0.0
        judged_facts = None
        while unwatched_s < LINGER_S:
            ticks += 1
            facts = self._session.store.wall_facts  # those that were read again and are the same publish nothing
            if self._has_changed or facts is not judged_facts or ticks % UNCHANGED_TICKS == 0:
                self._has_changed, judged_facts = False, facts
                await self._judge()
            is_first = not self.is_judged and clock.elapsed_s() < self._first_facts_until_s
            slept_s = FIRST_TICK_S if is_first else until_second_s(clock)
            await clock.sleep(slept_s)
            unwatched_s = 0.0 if self._watchers else unwatched_s + slept_s

    async def _read_facts(self) -> None:
        """Read facts once the server's time is known: the local clock may be hours away, and facts name hours."""
        session = self._session
        until_s = session.clock.elapsed_s() + SERVER_TIME_WITHIN_S
        while self._heard_at() is None and session.clock.elapsed_s() < until_s:
            await session.clock.sleep(SERVER_TIME_LOOK_S)
        self._counting_since = session.now()
        await self._facts_source().run(self._session.emit)

    def _facts_source(self) -> "FactsSource":
        if self._facts is None:
            from tui.store.findings.judging.missing import schedules_to_ask

            self._facts = self._session.sources.facts_source(
                lambda facts, now: schedules_to_ask(facts, now, self.own),
                lambda: None if self.own is None else self.own.newest_version,
            )
        return self._facts

    def _on_changes(self, changes: Changes) -> None:
        self._has_changed |= not _TOPICS.isdisjoint(changes.topics)
        counts = self._counts
        if counts is not None:
            counts.on_changes(changes)
            if self.own is None and counts.pending_count > MAX_PENDING:
                self._counts = None
                self._stop_counting()

    async def _judge(self) -> None:
        """Judge the present facts, and emit the verdict if it says something else than the last one."""
        session, own = self._session, self.own
        assert own is not None
        has_more = True
        while has_more:
            has_more = own.step(session.now())
            await asyncio.sleep(0)
        before = session.store.verdict
        after = self._of_relay(before) if session.sources.relay is not None else self._verdict(own)
        if before is not self._old_verdict or after is before:
            self._old_verdict = None
        if after is None:
            return
        if not self.is_judged or before is None or _said(after) != _said(before):
            from tui.domain.findings.finding import FindingsRead

            self.is_judged = True
            if after is not before:
                await session.emit(FindingsRead(after))

    def _of_relay(self, verdict: "Verdict | None") -> "Verdict | None":
        """Return the relay's verdict, not known any more if the relay is silent."""
        heard_at = self._heard_at()
        now = self._session.now()
        if verdict is None or not verdict.is_known or (heard_at is not None and now - heard_at <= SILENT_AFTER):
            return verdict
        return replace(verdict, at=now, heard_at=heard_at or verdict.heard_at, is_known=False)

    def _verdict(self, own: "OwnCounts") -> "Verdict | None":
        """Return the verdict of now, None while the first facts are awaited."""
        from tui.domain.findings.facts import NO_FACTS
        from tui.store.findings.judging.judge import NO_FINDINGS, hold, judge, verdict_of
        from tui.store.findings.standstill import standstill_of

        store, now, heard_at = self._session.store, self._session.now(), self._heard_at()
        facts, runs = store.wall_facts or NO_FACTS, self.runs_unread()
        held = self._held or NO_FINDINGS
        is_silent = heard_at is None or now - heard_at > SILENT_AFTER
        if not is_silent:
            if not self._has_first_facts(facts) or (runs is not None and not self._is_late):
                return None
            environment = store.environment
            kind = self._session.settings.key.environment_type if environment is None else environment.type
            is_development = kind == "DEVELOPMENT"
            still = standstill_of(facts, own, environment, now)
            judged = judge(facts, own, now, is_development=is_development, still=still)
            held = hold(held, judged, now)
            self._held = held
        window = store.window
        has_all = window is not None and not window.is_filtered and not window.is_older_cut
        has_all = has_all and not self._session.settings.key.is_public
        return verdict_of(held, facts, own, now, heard_at, runs, is_of_listed=not has_all)

    def runs_unread(self) -> "SourceUnread | None":
        """Return why the live runs are not known; None if they are. A feed has only the newest of them."""
        from tui.domain.findings.facts import FactSource
        from tui.domain.findings.finding import SourceUnread
        from tui.domain.findings.intervals import old_after
        from tui.domain.text import Raw

        store = self._session.store
        status, window = store.source_statuses.get(REST), store.window
        # The server may refuse to list so many old runs, or has more of them than are read: it did answer.
        is_complete = window is not None and (window.is_live_complete or window.is_older_cut)
        if is_complete and isinstance(status, SourceConnected):
            self._heard_at()
            self._complete = self._heard[REST]
        reason = Raw(status.reason) if isinstance(status, SourceRetrying | SourceStopped) else None
        if self._complete is None:
            return SourceUnread(FactSource.RUNS, reason)
        read, read_s = self._complete
        known_for = SILENT_AFTER if reason else old_after(timedelta(seconds=read.interval_s))
        is_known = self._session.clock.elapsed_s() - read_s <= known_for.total_seconds()
        return None if is_known else SourceUnread(FactSource.RUNS, reason, read.at)

    def _has_first_facts(self, facts: "WallFacts") -> bool:
        """Whether every fact that a verdict needs was read or failed since the reading began, or takes too long."""
        from tui.domain.findings.intervals import DECIDING

        return self._is_late or all(self._is_read(facts, source) for source in DECIDING)

    @property
    def _is_late(self) -> bool:
        """Whether the first verdict waits no longer."""
        return self._session.clock.elapsed_s() >= self._first_facts_until_s

    def _is_read(self, facts: "WallFacts", source: "FactSource") -> bool:
        from tui.domain.findings.facts import FactSource
        from tui.store.findings.known import read_at

        at = read_at(facts, source)
        if source in {FactSource.WAITS, FactSource.QUEUES} and source not in facts.unread:
            # An older answer would make a queue look slower with every second.
            since = self._counting_since
            return at is not None and since is not None and at >= since - SAME_FACTS_FOR
        return at is not None or source in facts.unread

    def _heard_at(self) -> datetime | None:
        """Return the server's time of the last answer of list, feed or relay, by the session's clock."""
        now_s, now = self._session.clock.elapsed_s(), self._session.now()
        for name in _LISTS:
            status = self._session.store.source_statuses.get(name)
            if isinstance(status, SourceConnected):
                known = self._heard.get(name)
                if known is None or known[0] != status:
                    age_s = max(0.0, (now - status.at).total_seconds())
                    # What was heard stays heard, also if an older answer, from a cache or by a wrong clock, follows.
                    self._heard[name] = (status, now_s - age_s if known is None else max(known[1], now_s - age_s))
        heard_s = max((at_s for _, at_s in self._heard.values()), default=None)
        if heard_s is None:
            return None
        with suppress(OverflowError):
            return now - timedelta(seconds=now_s - heard_s)
        return None


def _said(verdict: "Verdict") -> object:
    """What a verdict says, without the times that pass by themselves while it is known."""
    return replace(verdict, at=_NO_TIME, heard_at=None if verdict.is_known else verdict.heard_at)
