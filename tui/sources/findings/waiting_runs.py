"""Finds the runs that wait for waitpoint tokens, a few requests a minute. The list of tokens does not name them.

A run that waits for a token executes, and was usually created before the token. Only its events name the token. Where
no live run waits for it, runs that ended without success are read: the server keeps their tokens WAITING.
Source: tests/wire/recordings/README.md §5 (recording 1231).
"""

import re
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import islice
from typing import Final

from tui.domain.findings.facts import WaitToken
from tui.domain.ids import RunId, TaskId
from tui.domain.run import Run
from tui.domain.status import RunStatus
from tui.domain.text import Raw
from tui.domain.traces.span import Span
from tui.domain.traces.wait_of_trace import wait_of
from tui.domain.wait import WaitKind
from tui.sources.base import KnownRuns
from tui.wire.times import EARLIEST, LATEST

MAX_CANDIDATES: Final = 4
"""Runs whose events are read for one token. A token that none of them waits for belongs to no known run."""

BEFORE: Final = timedelta(minutes=10)
"""How long before its token a run may have been created, to be tried."""

SAME_MOMENT: Final = timedelta(microseconds=1)

RETRY_AFTER: Final = timedelta(minutes=2)
"""A run whose code has not reached its wait is read again after this."""

MAX_KNOWN: Final = 1_000
"""Tokens whose runs are remembered."""

_ATTEMPT: Final = re.compile(r"Attempt [0-9]+\Z")
_WAITING: Final = (RunStatus.EXECUTING, RunStatus.WAITING_TO_RESUME)
_ENDED: Final = (RunStatus.CANCELLED, RunStatus.CRASHED, RunStatus.SYSTEM_FAILURE, RunStatus.TIMED_OUT)
_FOR_TOKEN: Final = "wait.forToken()"  # noqa: S105  the name of a span
SEARCH_AFTER: Final = timedelta(seconds=90)
"""How long after the first look the server is asked for ended runs."""

ENDED_EVERY: Final = timedelta(minutes=1)
"""How often the ended runs are looked through. There may be many."""


_Candidate = tuple[datetime, RunId, tuple[Raw, ...]]
"""When a run was created, its id and its tags."""


class WaitingRuns:
    """What is known about the runs of the tokens."""

    def __init__(self, store: KnownRuns) -> None:
        self._store = store
        self._run_of: dict[str, tuple[RunId, TaskId | None]] = {}
        self._tried: dict[str, dict[RunId, datetime]] = {}
        self._over: set[str] = set()
        """Tokens of runs that have ended."""
        self._searched: set[str] = set()
        """Tokens for whose ended runs the server was asked, because the store may not have them."""
        self._ended: dict[RunId, datetime] = {}
        """The runs that it named, and when they were created."""
        self._makers: dict[str, set[RunId]] = {}
        """Those of them that may have made a token and were not read."""
        self._looked_at: datetime | None = None
        self._since: datetime | None = None

    def joined(self, tokens: Sequence[WaitToken]) -> tuple[WaitToken, ...]:
        """Return the tokens with their runs, as far as these are known, without those whose run has ended.

        Forgets tokens that wait no more.
        """
        ids = {token.id for token in tokens[:MAX_KNOWN]}
        self._run_of = {key: each for key, each in self._run_of.items() if key in ids}
        self._tried = {key: each for key, each in self._tried.items() if key in ids}
        self._searched &= ids
        self._makers = {key: each for key, each in self._makers.items() if key in ids}
        self._over = {key for key in ids if key in self._over or self._has_ended(key)}
        waits_since = self._waits_since()
        return tuple(
            replace(token, run_id=found[0], task=found[1])
            if (found := self._run_of.get(token.id))
            else replace(token, is_doubtful=self._is_doubtful(token, waits_since))
            for token in tokens
            if token.id not in self._over
        )

    def _waits_since(self) -> datetime | None:
        """Return when the oldest run was created that may wait for a token whose run is not known.

        None: that is not known, since some live runs were not read.
        """
        window = self._store.window
        if window is None or not window.is_live_complete or window.is_filtered or window.is_older_cut:
            return None
        taken = {run_id for run_id, _ in self._run_of.values()}
        times = (run.created_at for run in self._with_status(_WAITING) if run.id not in taken)
        return min((at for at in times if at is not None), default=LATEST)

    def _is_doubtful(self, token: WaitToken, waits_since: datetime | None) -> bool:
        if waits_since is not None and waits_since <= token.created_at:
            return False
        return token.id not in self._searched or (waits_since is not None and bool(self._makers.get(token.id)))

    def _has_ended(self, token_id: str) -> bool:
        known = self._run_of.get(token_id)
        run = None if known is None else self._store.get(known[0])
        return run is not None and (run.is_final or run.is_gone)

    def unsearched(self, tokens: Sequence[WaitToken], now: datetime) -> list[WaitToken]:
        """Return the tokens without a run, if the server was not asked which ended runs may have made some of them.

        The live runs come first: the store has them soon after the start.
        """
        self._since = self._since or now
        unknown = self._unknown(tokens)
        is_due = self._waits_since() is not None or now - self._since >= SEARCH_AFTER
        return unknown if is_due and any(token.id not in self._searched for token in unknown) else []

    def record_ended(self, tokens: Sequence[WaitToken], runs: Iterable[tuple[RunId, datetime]]) -> None:
        """Record the ended runs that the server named for these tokens, with their times of creation."""
        self._searched.update(token.id for token in tokens)
        runs = tuple(runs)
        for token in tokens:
            self._makers[token.id] = {run_id for run_id, at in runs if _may_make(at, token)}
        self._ended = dict(islice({**dict(runs), **self._ended}.items(), MAX_KNOWN))

    def _unknown(self, tokens: Sequence[WaitToken]) -> list[WaitToken]:
        return [token for token in tokens if token.id not in self._run_of and token.id not in self._over]

    def next_candidate(self, tokens: Sequence[WaitToken], now: datetime) -> RunId | None:
        """Return a run whose events may name one of the tokens, the oldest token first. None: there is none to try.

        Of the runs that may wait for a token, those that share a tag with it are first, then the youngest.
        """
        unknown = self._unknown(tokens)
        if not unknown:
            return None
        live = self._with_status(_WAITING)
        for run in live:
            if run.wait is not None and run.wait.kind is WaitKind.TOKEN and run.wait.subject is not None:
                self._run_of.setdefault(str(run.wait.subject), (run.id, run.fixed.task))
        if (found := self._next_of(map(_candidate, live), unknown, now)) is not None:
            return found
        if self._looked_at is not None and now - self._looked_at < ENDED_EVERY:
            return None
        self._looked_at = now
        first = min(token.created_at for token in unknown)
        ended = [_candidate(run) for run in self._with_status(_ENDED) if _ended_after(run, first)]
        return self._next_of([*ended, *((at, run_id, ()) for run_id, at in self._ended.items())], unknown, now)

    def _next_of(self, candidates: Iterable[_Candidate], tokens: Sequence[WaitToken], now: datetime) -> RunId | None:
        taken = {run_id for run_id, _ in self._run_of.values()}
        by_age = sorted(each for each in candidates if each[1] not in taken)
        for token in tokens:
            if token.id in self._run_of:
                continue
            first = bisect_left(by_age, (token.created_at - BEFORE,))
            last = bisect_left(by_age, (token.created_at + SAME_MOMENT,))
            youngest_first = by_age[first:last][::-1]
            near = sorted(youngest_first, key=lambda each: set(token.tags).isdisjoint(each[2]))
            run_id = self._untried([run_id for _, run_id, _ in near], token, now)
            if run_id is not None:
                return run_id
        return None

    def _untried(self, run_ids: Sequence[RunId], token: WaitToken, now: datetime) -> RunId | None:
        tried = self._tried.get(token.id, {})
        count = sum(run_id in tried for run_id in run_ids)
        is_young = now - token.created_at < 2 * RETRY_AFTER
        for run_id in run_ids:
            last = tried.get(run_id)
            is_new = last is None and count < MAX_CANDIDATES
            if is_new or (last is not None and is_young and now - last >= RETRY_AFTER):
                return run_id
        return None

    def record(self, run_id: RunId, root: Span | None, tokens: Sequence[WaitToken], now: datetime) -> None:
        """Record for which token a run waits, or waited until it ended, by its events."""
        attempts = [] if root is None else [span for span in root.children if _ATTEMPT.match(span.message)]
        latest = max(attempts, key=lambda span: span.started_at, default=None)
        wait = None if root is None else wait_of(root, latest)
        run = self._store.get(run_id)
        task = None if run is None else run.fixed.task
        if wait is not None and wait.kind is WaitKind.TOKEN and wait.subject is not None:
            self._run_of[str(wait.subject)] = run_id, task
        has_ended = run_id in self._ended if run is None else run.is_final
        if root is not None and has_ended:
            own = (span for span in root.walk() if span.message == _FOR_TOKEN and span.run_id == root.run_id)
            self._over |= {str(span.wait_subject) for span in own if span.wait_subject is not None}
        created_at = self._ended.pop(run_id, None) if run is None else run.created_at
        for token in self._unknown(tokens):
            if root is not None:
                self._makers.get(token.id, set()).discard(run_id)
            if created_at is None or _may_make(created_at, token):
                self._tried.setdefault(token.id, {})[run_id] = now

    def _with_status(self, statuses: Sequence[RunStatus]) -> list[Run]:
        found = (self._store.get(run_id) for status in statuses for run_id in self._store.with_status(status))
        return [run for run in found if run is not None]


def _may_make(created_at: datetime, token: WaitToken) -> bool:
    return token.created_at - BEFORE <= created_at <= token.created_at


def _candidate(run: Run) -> _Candidate:
    return run.created_at or EARLIEST, run.id, () if run.state is None else run.state.tags


def _ended_after(run: Run, moment: datetime) -> bool:
    state = run.state
    return state is not None and state.started_at is not None and (state.finished_at or state.updated_at) >= moment
