"""Reads the waitpoint tokens that wait, and finds the runs that wait for them."""

from contextlib import suppress
from datetime import timedelta
from functools import partial
from typing import Final

from tui.domain.findings.facts import MAX_TOKENS, TokensRead, WaitToken
from tui.domain.findings.intervals import PAGE_INTERVAL
from tui.sources.base import KnownRuns
from tui.sources.findings.allowance import Rank
from tui.sources.findings.queries import Rows, read_ended
from tui.sources.findings.requests import FactRequests
from tui.sources.findings.waiting_runs import BEFORE, WaitingRuns
from tui.sources.paging import Paging
from tui.wire.errors import Refused, ServerFault
from tui.wire.findings.reader import FactReader
from tui.wire.findings.requests import PAGE_SIZE
from tui.wire.queries.runs import EndedRuns

PAGE_INTERVAL_S: Final = PAGE_INTERVAL.total_seconds()
"""Each page is read once in this time."""

SECOND: Final = timedelta(seconds=1)
MAX_PAGES: Final = MAX_TOKENS // PAGE_SIZE


class TokenReader:
    """Reads tokens for one session."""

    def __init__(self, requests: FactRequests, reader: FactReader, store: KnownRuns) -> None:
        self._requests = requests
        self._reader = reader
        self._runs = WaitingRuns(store)
        self._tokens: tuple[WaitToken, ...] = ()
        self._is_cut = False
        self._page_count = 1

    @property
    def interval_s(self) -> float:
        """The seconds between two reads of all pages."""
        return PAGE_INTERVAL_S * self._page_count

    async def read(self) -> TokensRead:
        """Read all pages, with the runs that are known by now. Raises `ApiError`."""
        now, pages, is_cut = self._requests.now(), 0, False
        paging = Paging(max_pages=MAX_PAGES)
        tokens: dict[str, WaitToken] = {}
        while not paging.is_done:
            after = paging.cursor
            page = await self._requests.send(("tokens", after), Rank.TOKENS, partial(self._reader.read_tokens, after))
            pages += 1
            is_cut |= page.unreadable > 0
            tokens |= {token.id: token for token in page.tokens}
            paging.add([token.id for token in page.tokens], page.next)
        is_cut |= paging.is_endless
        self._page_count, self._is_cut = pages, is_cut
        self._tokens = tuple(sorted(tokens.values(), key=lambda token: (token.created_at, token.id))[:MAX_TOKENS])
        return TokensRead(now, self._runs.joined(self._tokens), is_cut=is_cut)

    async def join(self) -> TokensRead | None:
        """Read the events of one run that may wait for a token, and return the tokens if that found one.

        Raises `ApiError`.
        """
        now = self._requests.now()
        before = self._runs.joined(self._tokens)
        run_id = self._runs.next_candidate(self._tokens, now)
        if run_id is None:
            if unsearched := self._runs.unsearched(self._tokens, now):
                await self._search(unsearched)
            return self._newly_joined(before)
        try:
            events = await self._requests.send(
                ("events", run_id), Rank.WAITING_RUNS, lambda: self._requests.fetcher.api.read_events(run_id)
            )
        except (Refused, ServerFault):
            self._runs.record(run_id, None, self._tokens, now)
            return self._newly_joined(before)
        self._runs.record(run_id, events.root, self._tokens, now)
        return self._newly_joined(before)

    async def _search(self, tokens: list[WaitToken]) -> None:
        """Ask which runs ended that may have made the tokens: the store may lack them. A refusal finds none."""
        times = [each.created_at for each in tokens]
        query = EndedRuns(min(times) - BEFORE, max(times) + SECOND)
        rows: Rows = ()
        with suppress(Refused, ServerFault):
            rows = await self._requests.query(query, Rank.WAITING_RUNS)
        self._runs.record_ended(tokens, read_ended(rows))

    def _newly_joined(self, before: tuple[WaitToken, ...]) -> TokensRead | None:
        joined = self._runs.joined(self._tokens)
        return None if joined == before else TokensRead(self._requests.now(), joined, is_cut=self._is_cut)
