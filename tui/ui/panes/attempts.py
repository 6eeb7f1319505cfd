"""The pane `attempts`: when each ran, and why it failed.

What lives here: which attempt is looked at, what is unfolded, and the keys that change it. What is said is
`present.attempts_page`'s.
"""

from collections.abc import Hashable, Sequence
from typing import Any, ClassVar, Final

from textual import events
from textual.binding import BindingType

from tui.domain.attempt import Attempt, AttemptHistory
from tui.present import formatting
from tui.present.actions.row_actions import Row, ShowAttempt, ToggleFold
from tui.present.attempts.choice import AttemptKey, selected_attempt, stepped
from tui.present.attempts.page import (
    NOTHING_SELECTED,
    ReadProgress,
    attempts_page,
    duration_words,
    number_words,
    run_words,
    sentence,
)
from tui.present.errors.frames import ErrorLayout
from tui.present.styled import Line, line_width
from tui.ui.data.live_model import LiveModel
from tui.ui.data.needs import RUN
from tui.ui.input.keys import bind
from tui.ui.model.layout import Placement, Slot
from tui.ui.model.page_rows import PageRow
from tui.ui.model.selection import Need, Selection
from tui.ui.panes.base import PagePane
from tui.ui.widgets.lines import EDGE
from tui.ui.widgets.page import Page

_OF_RULE: Final = 24
"""Cells that the rule needs beside what it says: its name, its ends, a stroke between left and right."""

_ROOMY: Final = 100
"""From this width on the rule says how long the run took: the attempt is seen below it."""


class AttemptsPane(PagePane):
    """The attempts of the selection, one of them in full."""

    title: ClassVar[str] = "attempts"
    placement: ClassVar[Placement] = Placement(Slot.SECOND)
    needs: ClassVar[tuple[Need[Any], ...]] = (RUN,)

    BINDINGS: ClassVar[list[BindingType]] = [
        bind("comma", "attempt_step(-1)", "previous attempt", "The attempt before this one."),
        bind("full_stop", "attempt_step(1)", "attempt", "The attempt after this one.", rank=12, need=36, shown=", ."),
        bind("w", "wrap", "wrap", "Wrap what is longer than the pane, or cut it.", rank=35, need=38),
    ]

    def __init__(self, live: LiveModel, *, id: str) -> None:  # noqa: A002  Textual's name
        super().__init__(live, id=id)
        self._picked: int | None = None
        self._toggled: frozenset[Hashable] = frozenset()
        self._is_wrapped = True
        self._is_searched = False
        self._is_placed = False
        self._can_step = False

    @property
    def history(self) -> AttemptHistory:
        """The attempts, as far as they are known."""
        run = self.run
        return run.attempts[1] if run is not None and run.attempts is not None else AttemptHistory()

    @property
    def selected(self) -> Attempt | None:
        """The attempt that is looked at."""
        return selected_attempt(self.history, self._picked)

    @property
    def is_alone(self) -> bool:
        """Whether no other pane says which run this is about."""
        return self.has_class("zoomed") or self.size.width >= self.app.size.width

    @property
    def is_stale(self) -> bool:
        """What is final does not age, once it was read."""
        run = self.run
        return super().is_stale and not (run is not None and run.is_final and run.attempts is not None)

    @property
    def is_ticking(self) -> bool:
        """A run that is over has no running timers."""
        return self.run is not None and not self.run.is_final

    def rows(self, width: int) -> Sequence[PageRow]:
        """The page."""
        selected = self.selected
        current = () if selected is None else AttemptKey(selected.number)
        return [PageRow(row.line, row.key, row.action, is_current=row.key == current) for row in self._page_rows(width)]

    def _page_rows(self, width: int) -> Sequence[Row]:
        room = ErrorLayout(width - EDGE, self._is_wrapped, self._toggled, opens_all=self._is_searched)
        selection, run = self.selection, self.run
        fetch = selection.state_of(RUN)
        if selection.run_id is None:
            return [Row(()), *sentence(NOTHING_SELECTED, room, "none")]
        if run is None:
            return [Row(()), *sentence(fetch.trouble or formatting.LOADING, room, "loading")]
        is_coming = fetch.is_fetching or (run.attempts is None and fetch.trouble is None)
        asked = ReadProgress(is_coming, fetch.trouble)
        return attempts_page(run, asked, self.live.now, room, self._picked)

    def left(self) -> Line:
        """The run, where no other pane names it."""
        if self.run is None or not self.is_alone:
            return ()
        return run_words(self.run, self.size.width - line_width(self.right()) - _OF_RULE)

    def right(self) -> Line:
        """Which attempt; how long the run took where there is room."""
        run, selected = self.run, self.selected
        if run is None or selected is None:
            return ()
        return (
            duration_words(run, self.live.now)
            if self.is_alone and self.size.width >= _ROOMY
            else number_words(run, self.history, selected)
        )

    def rebuild(self) -> None:
        """Bring the page up to date; when a run is opened, the cursor is on its attempt."""
        super().rebuild()
        can_step = len(self.history.attempts) > 1
        if can_step is not self._can_step:
            self._can_step = can_step
            self.refresh_bindings()
        selected = self.selected
        if not self._is_placed and selected is not None and self.page.rows:
            self._is_placed = True
            self.page.go_to(AttemptKey(selected.number))

    def watch_selection(self, before: Selection, after: Selection) -> None:
        """Another run is looked at afresh."""
        if before.run_id != after.run_id:
            self._picked = None
            self._toggled = frozenset()
            self._is_placed = False
        super().watch_selection(before, after)

    def on_resize(self, _: events.Resize) -> None:
        """Another width has room for other words, the first one for the cursor's place."""
        self.rebuild()

    def on_page_entered(self, event: Page.Entered) -> None:
        """Enter on an attempt turns to it, on a fold opens or closes it."""
        match event.action:
            case ShowAttempt(number):
                event.stop()
                self._turn(number)
            case ToggleFold(key):
                event.stop()
                self._toggled ^= {key}
                self.rebuild()
            case _:
                pass

    def search(self, text: str) -> Line:
        """Mark a text, in what is folded too."""
        if bool(text) is not self._is_searched:
            self._is_searched = bool(text)
            self.rebuild()
        return super().search(text)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """There is nowhere to step where there is one attempt."""
        if action == "attempt_step":
            return self._can_step
        return super().check_action(action, parameters)

    def action_attempt_step(self, step: int) -> None:
        """To the attempt before or after."""
        number = stepped(self.history, self.selected, step)
        if number is not None:
            self._turn(number)

    def action_wrap(self) -> None:
        """Wrap or cut."""
        self._is_wrapped = not self._is_wrapped
        self.rebuild()

    def _turn(self, number: int) -> None:
        self._picked = number
        self.rebuild()
        self.page.go_to(AttemptKey(number))
