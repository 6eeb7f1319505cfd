"""The panes of the overview, and the board behind them, imported after the first rows."""

from collections.abc import Callable, Hashable, Sequence
from typing import ClassVar, Final

from tui.domain.finding import Finding, SubjectKind
from tui.domain.text import Raw
from tui.features.overview import words
from tui.features.overview.base import LinePane
from tui.features.wall.blocks import WallLook
from tui.features.wall.data import LiveBoard
from tui.kit.layout import Placement, Slot
from tui.kit.lines import GUTTER
from tui.kit.live_model import LiveModel
from tui.kit.look import Painter
from tui.kit.page import PageRow
from tui.store.changes import Changes, Topic
from tui.store.filter import as_value
from tui.store.findings.rows import FailingGroup, QueueRow, TaskRow
from tui.text.blocks import ListRuns
from tui.text.styled import Line, Piece, Token

# `LiveOverview`: the board behind the overview, made while it is shown. It is imported after the first rows.


EVERY_S: Final = 2.0
"""How often the numbers change. Each second would cost a busy fleet more than one hundredth of a core."""

SENTENCES_EVERY_S: Final = 5.0
"""How often waits in sentences are brought up to date, and on a slow link everything is."""

FRESH_FOR_S: Final = 5.0
"""A view that was hidden for longer is grey until the next one is made."""


class LiveOverview:
    """Makes views of the board. `show` is called with each."""

    def __init__(self, live: LiveModel, show: Callable[[words.OverviewView], None]) -> None:
        self._live = live
        self._show = show
        self._board = LiveBoard(live, self._on_update, shows_ages=False)
        self._view: words.OverviewView | None = None
        self._shown_s = self._compared_s = float("-inf")
        self._time_texts: tuple[str, ...] = ()
        self._was_stale = False
        self._is_outdated = self._has_new_verdict = False
        self.is_open = False

    def open(self) -> None:
        """Judge findings and make views from now on."""
        if self.is_open:
            return
        self.is_open = self._is_outdated = True
        self._board.open()
        if self._view is not None and self._now_s - self._shown_s > FRESH_FOR_S:
            self._show(self._view._replace(frozen_at=self._view.at))

    def close(self) -> None:
        """Do nothing more."""
        if self.is_open:
            self.is_open = False
            self._board.close()

    def on_changes(self, changes: Changes) -> None:
        """Note changes of runs and facts."""
        self._board.on_changes(changes)
        self._has_new_verdict |= Topic.VERDICT in changes.topics

    def tick(self, painter: Painter, *, is_slow_link: bool) -> None:
        """Make the view again if it may look different. Called once a second."""
        now = self._live.now
        is_stale = now.frozen_at is not None
        # Findings that came or went are shown at once.
        is_new = self._has_new_verdict or is_stale is not self._was_stale
        is_due = is_new or self._now_s - self._shown_s >= (SENTENCES_EVERY_S if is_slow_link else EVERY_S)
        if not self.is_open or self._live.pause is not None or not is_due:
            return
        self._board.tick()
        board = self._board.board
        if board is None or not self._is_counted:
            return
        look = WallLook(painter.is_ascii, painter.is_colorless)
        view = words.OverviewView(board, self._board.failing, now.at, now.frozen_at, look, in_minutes=is_slow_link)
        if not (self._is_outdated or is_stale is not self._was_stale or self._looks_different(view)):
            return
        self._is_outdated = self._has_new_verdict = False
        self._was_stale, self._shown_s = is_stale, self._now_s
        self._time_texts, self._compared_s = words.time_texts(view), self._now_s
        self._view = view
        self._show(view)

    def _looks_different(self, view: words.OverviewView) -> bool:
        """Whether the time alone has changed a text. While nothing is wrong, none is compared."""
        if self._view is not None and (view.look, view.in_minutes) != (self._view.look, self._view.in_minutes):
            return True
        is_waiting = view.verdict is not None and bool(view.verdict.findings)
        if not is_waiting or self._now_s - self._compared_s < SENTENCES_EVERY_S:
            return False
        self._compared_s = self._now_s
        return words.time_texts(view) != self._time_texts

    @property
    def _is_counted(self) -> bool:
        """Whether the runs of the store are in the board. After a pause, the old view is grey until they are judged."""
        findings = self._live.session.findings
        if findings.own is None or findings.is_judged:
            return findings.is_judged
        return self._view is None and findings.own.listed_since is not None

    @property
    def _now_s(self) -> float:
        return self._live.session.clock.monotonic_s()

    def _on_update(self) -> None:
        self._is_outdated = True


# The pane `failing now`: the error groups of the last hour, worst first.


class FailingNowPane(LinePane):
    """Shows a line for each error group of the last hour."""

    title: ClassVar[str] = "failing now"
    placement: ClassVar[Placement] = Placement(Slot.SECOND, is_overview=True)

    def lines(self, view: words.OverviewView, width: int) -> Sequence[words.OverviewLine]:
        return words.failing_lines(view, width, self.shown_rows)

    def runs_of(self, about: object) -> tuple[Hashable, ListRuns] | None:
        assert isinstance(about, FailingGroup)
        name = " ".join(each for each in (about.type, about.message) if each)
        return about.identity, ListRuns(about.filter_text, Raw(name), filters=about.filters)

    def right(self) -> Line:
        return () if self._view is None else words.failing_rule(self._view)


# The pane `overview`: the findings, and four series of the last hour.


class OverviewPane(LinePane):
    """Shows the findings, two lines for each, and done, failed, queued and running runs on one axis."""

    title: ClassVar[str] = "overview"
    placement: ClassVar[Placement] = Placement(Slot.FIRST, is_overview=True)

    def rows_without_view(self) -> Sequence[PageRow]:
        top = [PageRow(()), PageRow(words.unheard_line())] if self._is_unheard else []
        above = self.page.size.height - words.ROWS_BELOW - 1
        if above + words.ROWS_BELOW + 1 < words.MIN_FULL_ROWS:
            return top
        return [*top, *[PageRow(())] * (above - len(top)), PageRow(words.hint_line())]

    def lines(self, view: words.OverviewView, width: int) -> Sequence[words.OverviewLine]:
        return words.overview_lines(view, width, self.page.size.height, has_all=self.body.has_focus)

    def runs_of(self, about: object) -> tuple[Hashable, ListRuns] | None:
        assert isinstance(about, Finding)
        queue = about.subject.key if about.subject.kind is SubjectKind.QUEUE else ""
        return about.identity, ListRuns(about.filter_text, queue=queue)

    def right(self) -> Line:
        return () if self._view is None else words.overview_rule(self._view)


# The pane `queues` of the overview: the queues, worst first.


class OverviewQueuesPane(LinePane):
    """Shows a line for each queue."""

    title: ClassVar[str] = "queues"
    placement: ClassVar[Placement] = Placement(Slot.SECOND, is_overview=True)

    def lines(self, view: words.OverviewView, width: int) -> Sequence[words.OverviewLine]:
        return words.queue_lines(view, width, self.shown_rows)

    def runs_of(self, about: object) -> tuple[Hashable, ListRuns] | None:
        assert isinstance(about, QueueRow)
        return about.stored_name, ListRuns(f"queue:{as_value(about.stored_name)}", queue=about.stored_name)


# The pane `tasks` of the overview: the tasks of the last hour, worst first.


class OverviewTasksPane(LinePane):
    """Shows a line for each task."""

    title: ClassVar[str] = "tasks"
    placement: ClassVar[Placement] = Placement(Slot.THIRD, is_overview=True, is_below=True)

    def lines(self, view: words.OverviewView, width: int) -> Sequence[words.OverviewLine]:
        return words.task_lines(view, width, self.shown_rows)

    def runs_of(self, about: object) -> tuple[Hashable, ListRuns] | None:
        assert isinstance(about, TaskRow)
        return about.task, ListRuns(f"task:{as_value(about.task)}")

    def left(self) -> Line:
        return (Piece(" · worst first", Token.MUTED),) if self._view is not None else ()

    def spare(self) -> tuple[Line, ...]:
        return (self.left(),)  # the titles at the right stand above their columns only while they are whole

    def right(self) -> Line:
        width = self.page.size.width
        return words.tasks_rule(width - GUTTER) if self._view is not None and width else ()
