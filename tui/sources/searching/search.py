"""A search of the server for runs that a filter may match and that were not read yet.

One search answers one `SearchPlan`: by ids, by the errors of failed runs, by names, and by reading older pages. All
runs go to the store like those of any source; whether they match is the view's to say. A search keeps its place, so
that another `run` goes on. The module is longer than 300 lines and the class than 200: the steps share one progress.
Source: wire/README.md §3, recordings 020-063.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

from tui.domain.filters import RunFilters
from tui.domain.ids import Cursor, RunId
from tui.domain.search import SEARCH_PERIOD, SearchProgress, SearchStep
from tui.domain.update import HistoryRead, RunsRead
from tui.sources.base import Emit, KnownRuns
from tui.sources.budget import Priority
from tui.sources.clock import Clock
from tui.sources.polling.page_reader import with_filtered_fields
from tui.sources.run_fetcher import RunFetcher
from tui.sources.searching.error_fetcher import ErrorFetcher
from tui.sources.searching.pace import Pace
from tui.store.filter import EVERYTHING
from tui.store.search_plan import SearchPlan
from tui.store.server_filter import with_server_filters
from tui.wire.errors import ApiError, NotFound, RateLimited, Unreachable
from tui.wire.runs import ListPage

PAGE_SIZE: Final = 100
MAX_NAME_PAGES: Final = 20
"""Of one list by a name."""

MAX_OLDER_PAGES: Final = 50
"""Of one `run`: as many runs as are read at the start. Another `run` goes on."""

MAX_ERRORS: Final = 5_000
"""Errors that one `run` reads: a stack is some kB."""

MAX_FOUND_DETAILS: Final = 200
"""Runs that a query found, and that one `run` reads one by one."""

WAIT_S: Final = 1.0
MAX_WAITS: Final = 300
"""A search that reads on waits for the list to be read first: five minutes at most."""


@dataclass(frozen=True, slots=True)
class SearchScope:
    """What is searched: a question under the server filters that are `followed`, in a list that begins at `since`.

    `is_plain`: no filter is typed, and older runs of the listed period are wanted and nothing else. `can_list` is false
    behind a relay, which lists nothing.
    """

    question: SearchPlan
    followed: RunFilters
    since: datetime
    is_plain: bool = False
    can_list: bool = True


class Search:
    """Answers one question. `report` hears of every step.

    `unread` gives the failed runs whose errors were not read, those first that are seen. `settle` waits until what was
    emitted is in the store.
    """

    def __init__(
        self,
        fetcher: RunFetcher,
        store: KnownRuns,
        clock: Clock,
        scope: SearchScope,
        *,
        emit: Emit,
        settle: Callable[[], Awaitable[None]],
        unread: Callable[[], Sequence[RunId]],
        report: Callable[[SearchProgress], None],
    ) -> None:
        self._fetcher = fetcher
        self._store = store
        self._clock = clock
        self._scope = scope
        self._question = scope.question
        self._emit = emit
        self._settle = settle
        self._unread = unread
        self._report = report
        self._pace = Pace(fetcher.budget, clock)
        self._errors = ErrorFetcher(fetcher, store, emit, self._pace)
        self._older = scope.question.filters
        self._cursor: Cursor | None = None
        self._has_asked_names = False
        self._has_asked_errors = False
        self._paged: list[RunId] = []
        """Runs of the lists that were read. `unread` may hear of them later than the store."""
        self.progress = SearchProgress()

    async def run(self) -> None:
        """Go on until the question is answered, or a bound is reached. What stops it is told in `progress.trouble`."""
        self._errors.unreadable.clear()  # another try is worth one request each
        self._tell(trouble="", unreadable_count=0, needs_errors=self._question.reads_errors)
        if self.progress.is_answered:  # runs that came since are in no answer
            self._has_asked_names = False
            self._tell(answers=(), is_answered=False)
        try:
            await self._answer()
        except RateLimited:
            self._tell(trouble="the rate limit is reached")
        except Unreachable:
            self._tell(trouble="the server does not answer")
        except ApiError as error:
            self._tell(trouble=str(error))
        finally:
            self._tell(step=None)

    async def _answer(self) -> None:
        question = self._question
        is_first, self._has_asked_names = not self._has_asked_names, True
        found = 0
        if is_first:
            await self._read_ids()
        if question.reads_errors:
            await self._read_errors()
        if is_first:
            found = await self._read_lists()
        await self._wait_for_list()
        if question.error_texts and not self._has_asked_errors:
            found += await self._find_errors()
        # What a name or an error led to is the answer; who wants more asks once more.
        if question.reads_older and self._scope.can_list and not (is_first and found):
            await self._read_older()
        if question.reads_errors:
            await self._read_errors()
        self._tell(is_answered=not question.reads_older)
        self._tell_lists()

    def _tell(self, **changes: Any) -> None:
        self.progress = replace(self.progress, **changes)
        self._report(self.progress)

    def _add_answer(self, answer: str) -> None:
        self._tell(answers=(*self.progress.answers, answer))

    def _add_errors(self, count: int) -> None:
        self._tell(errors_read=self.progress.errors_read + count)

    def _tell_lists(self) -> None:
        """Say what a relay, which lists nothing, leaves unknown."""
        if self._scope.can_list or self._question.run_ids:
            return
        noun = "older runs" if self._question.reads_older else "queues"
        self._tell(has_lists=False, is_answered=False, trouble=f"a relay lists no {noun}")

    async def _read_ids(self) -> None:
        for run_id in self._question.run_ids:
            self._tell(step=SearchStep.IDS)
            await self._pace.wait()
            try:
                await self._fetcher.fetch_run(run_id, Priority.VISIBLE)
            except NotFound:
                self._add_answer(f"no run is called {run_id}")
                continue
            await self._settle()
            self._add_answer("the server filters hide it" if self._is_hidden(run_id) else "asked by its id")

    def _is_hidden(self, run_id: RunId) -> bool:
        run = self._store.get(run_id)
        return run is not None and not with_server_filters(self._scope.followed, EVERYTHING).matches(run)

    async def _read_errors(self) -> None:
        """The errors of failed runs that are listed."""
        paged, self._paged = filter(self._lacks_error, self._paged), []
        unread = dict.fromkeys([*self._unread(), *paged])
        waiting = [run_id for run_id in unread if run_id not in self._errors.unreadable][:MAX_ERRORS]
        if waiting:
            total = self.progress.errors_read + len(waiting)
            self._tell(step=SearchStep.ERRORS, error_count=total)
            await self._errors.read(waiting, self._add_errors)
            self._tell(unreadable_count=len(self._errors.unreadable))
            await self._settle()

    def _lacks_error(self, run_id: RunId) -> bool:
        run = self._store.get(run_id)
        return run is not None and run.status.is_failed and run.error is None and not run.is_gone

    async def _read_lists(self) -> int:
        """The complete list of each name; how many runs there were."""
        total = 0
        for filters in self._question.lists if self._scope.can_list else ():
            asked = replace(filters, created_from=self._fetcher.now() - SEARCH_PERIOD)
            count, is_whole = await self._read_list(asked, total)
            total += count
            # Whether a text is a name is a guess; that a queue was asked for is said in any case.
            if count or filters.queues:
                number = f"{'' if is_whole else 'newest '}{count:,}"
                self._add_answer(f"{name_of(filters, self._question.filters)}: {number} in {SEARCH_PERIOD.days}d")
        await self._settle()
        return total

    async def _read_list(self, filters: RunFilters, before: int) -> tuple[int, bool]:
        cursor: Cursor | None = None
        count = 0
        for _ in range(MAX_NAME_PAGES):
            self._tell(step=SearchStep.NAMES, older_read=before + count)
            page = await self._page(filters, cursor)
            count += len(page.patches)
            if page.next is None or page.next == cursor:
                return count, True
            cursor = page.next
        return count, False

    async def _find_errors(self) -> int:
        """Runs that are not listed and have the text in their error; how many."""
        self._tell(step=SearchStep.OLDER_ERRORS, error_count=0)
        ids = await self._errors.find(self._question.error_texts)
        if ids is None:
            return 0
        left = [run_id for run_id in ids if (run := self._store.get(run_id)) is None or run.state is None]
        new = left[:MAX_FOUND_DETAILS]
        self._tell(error_count=self.progress.errors_read + len(new))
        await self._errors.read_details(new, self._add_errors)
        self._has_asked_errors = new == left
        await self._settle()
        hidden_count = sum(map(self._is_hidden, new))
        shown_count = len(new) - hidden_count
        if shown_count:
            self._add_answer(f"{shown_count:,} older by their error")
        if hidden_count:
            self._add_answer(f"the server filters hide {hidden_count:,} by their error")
        return shown_count

    async def _read_older(self) -> None:
        """Older pages than those that are listed, a bounded number."""
        if self.progress.reached is None:
            await self._begin_older()
        for _ in range(MAX_OLDER_PAGES):
            if self.progress.is_at_end or not self._has_room():
                break
            await self._read_older_page()
        await self._settle()

    async def _wait_for_list(self) -> None:
        """Let the list be read to its end first: its own source does that anyway."""
        for _ in range(MAX_WAITS):
            if self._store.history is not None and self._store.history.is_complete:
                break
            self._tell(step=SearchStep.LIST)
            await self._clock.sleep(WAIT_S)

    async def _begin_older(self) -> None:
        """Begin where the list ends: at the end of the period, or where reading stopped at a number of runs."""
        self._tell(step=SearchStep.OLDER, older_read=0)
        listed = self._store.history
        is_whole = listed is not None and listed.is_complete and not listed.is_cut
        until = self._scope.since if is_whole or listed is None else listed.reached
        oldest = self._scope.since if self._scope.is_plain else self._fetcher.now() - SEARCH_PERIOD
        # Runs of one millisecond must not fall between two lists.
        until_ms = until + timedelta(milliseconds=1)
        self._older = replace(self._question.filters, created_from=oldest, created_to=until_ms)
        self._tell(reached=until)

    async def _read_older_page(self) -> None:
        self._tell(step=SearchStep.OLDER)
        page = await self._page(self._older, self._cursor)
        created = [patch.fixed.created_at for patch in page.patches if patch.fixed and patch.fixed.created_at]
        is_end = page.next is None or page.next == self._cursor
        self._cursor = page.next
        oldest = self._older.created_from
        reached = min([self.progress.reached or self._scope.since, *created])
        if is_end and oldest is not None:
            reached = oldest
        await self._tell_history(len(page.patches), reached, is_end=is_end)
        self._tell(older_read=self.progress.older_read + len(page.patches), reached=reached, is_at_end=is_end)

    async def _tell_history(self, run_count: int, reached: datetime, *, is_end: bool) -> None:
        """What was read without a narrower filter extends the list itself."""
        listed = self._store.history
        if listed is None or not listed.is_cut or self._question.filters != self._scope.followed:
            return
        is_cut = not is_end and reached > self._scope.since
        reached = max(min(reached, listed.reached), self._scope.since)
        await self._emit(HistoryRead(reached, listed.run_count + run_count, is_complete=True, is_cut=is_cut))
        await self._settle()

    def _has_room(self) -> bool:
        """Whether the store keeps more runs: beyond its bound it would drop the oldest, which are those just read."""
        if len(self._store) < self._store.max_runs:
            return True
        self._tell(trouble=f"no more than {self._store.max_runs:,} runs are kept")
        return False

    async def _page(self, filters: RunFilters, cursor: Cursor | None) -> ListPage:
        await self._pace.wait()
        page = await self._fetcher.fetch_page(filters, Priority.VISIBLE, after=cursor, size=PAGE_SIZE)
        await self._emit(RunsRead(with_filtered_fields(filters, page.patches)))
        if self._question.reads_errors:
            self._paged += [patch.id for patch in page.patches]
        return page


def name_of(filters: RunFilters, base: RunFilters) -> str:
    """What a list by a name was asked for, in words."""
    for noun, values, common in (
        ("tag", filters.tags, base.tags),
        ("task", filters.tasks, base.tasks),
        ("queue", filters.queues, base.queues),
    ):
        if values != common:
            return f"{noun} {' or '.join(values)}"
    return "the list"
