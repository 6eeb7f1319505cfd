"""Finds the runs that wait for waitpoint tokens, a few requests a minute. The list of tokens does not name them.

A run that waits for a token executes, and was usually created before the token. Only its events name the token.
Source: tests/wire/recordings/README.md §5 (recording 1231).
"""

import re
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from tui.domain.findings.facts import WaitToken
from tui.domain.ids import RunId, TaskId
from tui.domain.run import Run
from tui.domain.status import RunStatus
from tui.domain.traces.span import Span
from tui.domain.traces.wait_of_trace import wait_of
from tui.domain.wait import WaitKind
from tui.sources.base import KnownRuns

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


class WaitingRuns:
    """What is known about the runs of the tokens."""

    def __init__(self, store: KnownRuns) -> None:
        self._store = store
        self._run_of: dict[str, tuple[RunId, TaskId | None]] = {}
        self._tried: dict[str, dict[RunId, datetime]] = {}

    def joined(self, tokens: Sequence[WaitToken]) -> tuple[WaitToken, ...]:
        """Return the tokens with their runs, as far as these are known. Forgets tokens that wait no more."""
        ids = {token.id for token in tokens[:MAX_KNOWN]}
        self._run_of = {key: each for key, each in self._run_of.items() if key in ids}
        self._tried = {key: each for key, each in self._tried.items() if key in ids}
        return tuple(
            replace(token, run_id=found[0], task=found[1]) if (found := self._run_of.get(token.id)) else token
            for token in tokens
        )

    def next_candidate(self, tokens: Sequence[WaitToken], now: datetime) -> RunId | None:
        """Return a run whose events may name one of the tokens, the oldest token first. None: there is none to try.

        Of the runs that may wait for a token, those that share a tag with it are first, then the youngest.
        """
        unknown = [token for token in tokens if token.id not in self._run_of]
        if not unknown:
            return None
        taken = {run_id for run_id, _ in self._run_of.values()}
        live = sorted(
            (run.created_at, run.id, () if run.state is None else run.state.tags)
            for run in self._live()
            if run.created_at is not None and run.id not in taken
        )
        for token in unknown:
            first = bisect_left(live, (token.created_at - BEFORE,))
            last = bisect_left(live, (token.created_at + SAME_MOMENT,))
            youngest_first = live[first:last][::-1]
            near = sorted(youngest_first, key=lambda each: set(token.tags).isdisjoint(each[2]))
            run_id = self._untried([run_id for _, run_id, _ in near], token, now)
            if run_id is not None:
                return run_id
        return None

    def _untried(self, run_ids: Sequence[RunId], token: WaitToken, now: datetime) -> RunId | None:
        tried = self._tried.get(token.id, {})
        is_young = now - token.created_at < 2 * RETRY_AFTER
        for run_id in run_ids:
            last = tried.get(run_id)
            is_new = last is None and len(tried) < MAX_CANDIDATES
            if is_new or (last is not None and is_young and now - last >= RETRY_AFTER):
                return run_id
        return None

    def record(self, run_id: RunId, root: Span | None, tokens: Sequence[WaitToken], now: datetime) -> None:
        """Record for which token a run waits, by its events."""
        attempts = [] if root is None else [span for span in root.children if _ATTEMPT.match(span.message)]
        latest = max(attempts, key=lambda span: span.started_at, default=None)
        wait = None if root is None else wait_of(root, latest)
        run = self._store.get(run_id)
        task = None if run is None else run.fixed.task
        if wait is not None and wait.kind is WaitKind.TOKEN and wait.subject is not None:
            self._run_of[str(wait.subject)] = run_id, task
        for token in tokens:
            if token.id not in self._run_of:
                self._tried.setdefault(token.id, {})[run_id] = now

    def _live(self) -> list[Run]:
        found = (self._store.get(run_id) for status in _WAITING for run_id in self._store.with_status(status))
        return [run for run in found if run is not None]
