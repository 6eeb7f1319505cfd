"""The page that shows the attempts of one run beside each other."""

from collections import Counter
from collections.abc import Sequence
from typing import ClassVar, Final

from textual.app import ComposeResult
from textual.binding import BindingType

from tui.domain.attempt import AttemptHistory
from tui.domain.ids import RunId
from tui.domain.run import Run
from tui.domain.traces.log import LogLevel, RunLog
from tui.features.attempts import compared
from tui.features.attempts.compared import LogCount, LogCounts
from tui.features.runs.view import RunSummary
from tui.kit.app import app_of
from tui.kit.footer import Footer, summary_height
from tui.kit.keys import OUTGOING_BINDINGS, bind
from tui.kit.lines import EDGE
from tui.kit.live_model import LiveModel
from tui.kit.page import PageRow
from tui.kit.page_screen import PageScreen
from tui.kit.selection import Fetched, FetchState, Need, Selection, SelectionLoader
from tui.kit.words import without_request
from tui.store.changes import Changes
from tui.sync.budget import Priority
from tui.sync.session import Session
from tui.text import formatting
from tui.text.styled import Line, Piece, Token

# The need of how many lines each attempt logged: one request, repeated seldom while the run is live.


LOGS_CUT: Final = "The server sends the first 25,000 rows; later lines are not counted."


async def _fetch(session: Session, run_id: RunId) -> Fetched[LogCounts]:
    fetcher, now_s = session.fetcher, session.clock.monotonic_s
    log, _ = await fetcher.budget.request(
        ("log", run_id), Priority.SELECTED, lambda: fetcher.api.read_log(run_id, None, now_s)
    )
    return Fetched(counts_of(log))


def counts_of(log: RunLog) -> LogCounts:
    """Return the number of lines by attempt and level."""
    counts = Counter(zip(log.attempts, log.levels(), strict=True))
    by_attempt: dict[int, LogCount] = {}
    for (attempt, level), lines in counts.items():
        known = by_attempt.get(attempt, LogCount())
        warns, errors = lines * (level == LogLevel.WARN), lines * (level == LogLevel.ERROR)
        by_attempt[attempt] = LogCount(known.lines + lines, known.warns + warns, known.errors + errors)
    return LogCounts(by_attempt, LOGS_CUT if log.is_cut else "")


def _may_change(session: Session, run_id: RunId, _: LogCounts | None) -> bool:
    run = session.store.get(run_id)
    return run is not None and not run.is_final


LOG_COUNTS: Final[Need[LogCounts]] = Need(name="the logs", fetch=_fetch, may_change=_may_change)


def log_counts(state: FetchState[LogCounts]) -> LogCounts:
    """Return what is known of the logs. A note says why they are not known."""
    if state.value is not None:
        return state.value
    if state.failure is not None:
        return LogCounts(note=f"The logs could not be read: {without_request(state.failure)}")
    return LogCounts(note="reading the logs…")


class ComparedScreen(PageScreen):
    """Compares the attempts of a run. The screen below it goes on fetching the run itself.

    `number` is the attempt to begin with, where not all fit beside each other.
    """

    title_word: ClassVar[str] = "attempts"
    shows_run_below: ClassVar[bool] = True
    BINDINGS: ClassVar[list[BindingType]] = [
        bind("equals_sign", "leave_comparison", "attempts", "Go back to the attempts.", id="compare", rank=8, need=22),
        bind("comma", "attempt_step(-1)", "earlier attempts", "One attempt earlier.", id="previous-attempt"),
        bind(
            "full_stop",
            "attempt_step(1)",
            "others",
            "One attempt later.",
            id="next-attempt",
            rank=5,
            need=20,
            pair=("previous-attempt", "next-attempt"),
        ),
        bind("w", "wrap", "wrap", "Wrap long messages, or cut them.", rank=12, need=24),
        bind("y", "copy_id", "copy id", "Copy the id of the run to the clipboard of the terminal."),
        bind("Y", "copy_menu", "copy what", "Choose what to copy: a ticket in Markdown, the error.", rank=14, need=26),
        *OUTGOING_BINDINGS,
    ]

    def __init__(self, live: LiveModel, run_id: RunId, number: int | None) -> None:
        super().__init__(live)
        self._run_id = run_id
        self._number = number
        self._is_wrapped = True
        self._can_step = False
        self._is_placed = False
        self._summary = RunSummary(live)
        self._loader = SelectionLoader(live.session, self._show_selection)

    @property
    def _run(self) -> Run | None:
        return self.live.get(self._run_id)

    def compose(self) -> ComposeResult:
        for widget in super().compose():
            if isinstance(widget, Footer):
                yield self._summary
            yield widget

    def begin(self) -> None:
        self._summary.styles.height = summary_height(self.app_base.painter)
        self._summary.selection = Selection(self._run_id)
        self.app_base.changed.subscribe(self, self._on_changes)
        self._loader.require((LOG_COUNTS,))
        self._loader.select(self._run_id, at_once=True)

    def on_unmount(self) -> None:
        self._loader.close()

    def _window(self, run: Run, width: int) -> compared.AttemptWindow:
        history = run.attempts[1] if run.attempts is not None else AttemptHistory()
        return compared.window_of(history, width, self._number)

    def rows(self, width: int) -> Sequence[PageRow]:
        if (run := self._run) is None or run.attempts is None:
            return [PageRow(()), PageRow((Piece(formatting.LOADING, Token.MUTED),))]
        limit = width - EDGE
        window = self._window(run, limit)
        if window.can_move is not self._can_step:
            self._can_step = window.can_move
            self.refresh_bindings()
        logs = log_counts(self._loader.selection.state_of(LOG_COUNTS))
        return compared.compared_page(run, window, self.live.now, compared.ComparedGrid(limit, self._is_wrapped), logs)

    def left(self) -> Line:
        run = self._run
        task = (run.fixed.task if run is not None else None) or ""
        return (Piece(" · compared · ", Token.MUTED), Piece(task, Token.MUTED))

    def right(self) -> Line:
        if (run := self._run) is None or run.attempts is None:
            return ()
        return compared.summary_words(run, self._window(run, self.size.width).attempts)

    def _show_selection(self, _: Selection) -> None:
        if self.is_attached:
            self._rebuild()

    def _on_changes(self, changes: Changes) -> None:
        self._loader.on_changes(changes)
        self._summary.on_changes(changes)
        if self._run_id in changes.changed or self._run_id in changes.added:
            self._rebuild()

    def tick(self) -> None:
        super().tick()
        self._loader.tick()
        self._summary.tick()
        if (run := self._run) is not None and not run.is_final:
            self._rebuild()

    def _rebuild(self) -> None:
        self.page.rebuild()
        if not self._is_placed:
            self._is_placed = self.page.go_to(compared.FIRST_KEY)
        self.show_rule()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "attempt_step" and not self._can_step:
            return False
        return super().check_action(action, parameters)

    def action_leave_comparison(self) -> None:
        self.action_close()

    def action_attempt_step(self, step: int) -> None:
        if (run := self._run) is not None:
            self._number = compared.moved(self._window(run, self.page.size.width), step)
            self._rebuild()

    def action_wrap(self) -> None:
        self._is_wrapped = not self._is_wrapped
        self._rebuild()

    def action_copy_id(self) -> None:
        self.clipboard.send("id", self._run_id)

    def action_copy_menu(self) -> None:
        from tui.features.copying.view import open_copy_menu  # noqa: PLC0415  loaded when first used

        open_copy_menu(self, self.live, self._run_id, self.clipboard)

    def action_browse(self) -> None:
        from tui.kit.browsing import browse  # noqa: PLC0415  loaded when first used

        if line := browse(self, self._run_id, self.clipboard):
            self.notice(line)

    def action_read_outside(self, reader: str) -> None:
        app_of(self).read_outside(self, self._run_id, reader)

    def notice(self, line: Line) -> None:
        self._footer.notice(line)
