"""The pane `attempts`: when each attempt ran, why it failed, and how attempts differ."""

from collections.abc import Hashable, Sequence
from typing import ClassVar, Final

from textual.binding import BindingType

from tui.domain.run import Attempt, AttemptHistory
from tui.features.attempts import words
from tui.features.attempts.words import sentence
from tui.features.errors.error import ErrorLayout
from tui.kit.keys import bind
from tui.kit.lines import EDGE
from tui.kit.live_model import LiveModel
from tui.kit.page import Page, PageRow
from tui.kit.pane import PagePane
from tui.kit.selection import RUN
from tui.text.blocks import Row, ShowAttempt, ToggleFold
from tui.text.styled import Line, Piece, Token, line_width


class ErrorPane(PagePane):
    """The base of panes that show an error of the selected run: `attempts`, and `newest failure` of the errors."""

    BINDINGS: ClassVar[list[BindingType]] = [
        bind("w", "wrap", "wrap", "Wrap long lines, or cut them.", rank=35, need=38),
    ]

    def __init__(self, live: LiveModel, title: str) -> None:
        super().__init__(live, title)
        self._toggled: frozenset[Hashable] = frozenset()
        self._is_wrapped = True
        self._is_searched = False

    def room(self, width: int) -> ErrorLayout:
        """Return how a page of `width` cells shows an error now."""
        return ErrorLayout(width - EDGE, self._is_wrapped, self._toggled, opens_all=self._is_searched)

    def start_over(self) -> None:
        super().start_over()
        self._toggled = frozenset()

    def on_page_entered(self, event: Page.Entered) -> None:
        if isinstance(event.action, ToggleFold):
            event.stop()
            self._toggled ^= {event.action.key}
            self.rebuild()

    def search(self, text: str) -> Line:
        """Search in folded parts too: a search opens all of them."""
        if bool(text) is not self._is_searched:
            self._is_searched = bool(text)
            self.rebuild()
        return super().search(text)

    def action_wrap(self) -> None:
        self._is_wrapped = not self._is_wrapped
        self.rebuild()


_RULE_CELLS: Final = 51
"""Cells of the rule for the names of all panes, its ends, and the stroke between left and right."""

_WIDE: Final = 100
"""A page of at least this width shows which attempt is selected, and its rule how long the run took."""


class AttemptsPane(ErrorPane):
    """The attempts of the selected run, one of them with its error."""

    needs = (RUN,)
    shown_uses: ClassVar[tuple[str, ...]] = (*ErrorPane.shown_uses, "compare")

    BINDINGS: ClassVar[list[BindingType]] = [
        bind("comma", "attempt_step(-1)", "previous attempt", "Show the attempt before this one.",
             id="previous-attempt"),
        bind("full_stop", "attempt_step(1)", "attempt", "Show the attempt after this one.", id="next-attempt",
             rank=12, need=36, pair=("previous-attempt", "next-attempt")),
        bind("equals_sign", "compare", "compare", "Compare the attempts side by side.", rank=14, need=31),
    ]  # fmt: skip

    def __init__(self, live: LiveModel, title: str) -> None:
        super().__init__(live, title)
        self._chosen_number: int | None = None
        self._compares_when_read = False
        """Whether the user asked for the comparison before the attempts were read."""

    @property
    def history(self) -> AttemptHistory:
        """The attempts that are known."""
        return AttemptHistory() if self.run is None else self.run.history

    @property
    def selected(self) -> Attempt | None:
        """The attempt that is shown with its error."""
        return words.selected_attempt(self.history, self._chosen_number)

    @property
    def is_stale(self) -> bool:
        run = self.run
        return super().is_stale and not (run is not None and run.is_final and run.attempts is not None)

    @property
    def is_ticking(self) -> bool:
        return self.selection.state_of(RUN).is_fetching or (self.run is not None and not self.run.is_final)

    def rows(self, width: int) -> Sequence[PageRow]:
        room, run = self.room(width), self.run
        if run is None:
            return [Row(()), *sentence(self.reason_for_none(), room, "none")]
        progress = words.ReadProgress(self.stage_of(RUN), self.selection.state_of(RUN).failure)
        return words.attempts_page(run, progress, self.live.now, room, self._chosen_number)

    def left(self) -> Line:
        if self.run is None or not self.is_alone:
            return ()

        return words.run_words(self.run, self.size.width - line_width(self.right()) - _RULE_CELLS)

    def right(self) -> Line:
        run, selected = self.run, self.selected
        if run is None:
            return ()

        if self.is_alone and self.size.width >= _WIDE:
            return words.duration_words(run, self.live.now)
        if selected is None:
            return ()
        # The run's own count of attempts wins if it is greater.
        last = max(run.attempt_count or 0, self.history.attempts[-1].number)
        return (Piece(f"attempt {selected.number} of {last}", Token.MUTED),)

    def update_page(self) -> None:
        super().update_page()
        if self._compares_when_read and (self.has_use_for("compare") or not self._is_read_first):
            self._compares_when_read = False
            self.action_compare()

    @property
    def start_key(self) -> Hashable:
        return None if self.selected is None else ShowAttempt(self.selected.number)

    def start_over(self) -> None:
        super().start_over()
        self._chosen_number = None
        self._compares_when_read = False

    def on_descendant_blur(self) -> None:
        self._compares_when_read = False  # the user is elsewhere now

    def on_page_entered(self, event: Page.Entered) -> None:
        if isinstance(event.action, ShowAttempt):
            event.stop()
            self._show_attempt(event.action.number)

    def has_use_for(self, action: str) -> bool:
        if action in {"attempt_step", "compare"}:
            return len(self.history.attempts) > 1
        return super().has_use_for(action)

    @property
    def _is_read_first(self) -> bool:
        """Whether the attempts are being read for the first time."""
        fetch = self.selection.state_of(RUN)
        return self.selection.run_id is not None and fetch.fetched_at is None and fetch.failure is None

    def action_attempt_step(self, step: int) -> None:
        if (number := words.stepped(self.history, self.selected, step)) is not None:
            self._show_attempt(number)
        elif self._is_read_first:
            self.say("reading the attempts…")

    def action_compare(self) -> None:
        from tui.features.attempts.compared import ComparedScreen  # noqa: PLC0415  loaded when it is opened

        if (count := len(self.history.attempts)) > 1 and self.selection.run_id is not None:
            self.app.push_screen(ComparedScreen(self.live, self.selection.run_id, self._chosen_number))
        elif self._is_read_first:
            self._compares_when_read = True
            self.say("reading the attempts…")
        else:
            self.say("only one attempt: nothing to compare" if count else "no attempts were read")

    def _show_attempt(self, number: int) -> None:
        self._chosen_number = number
        self.rebuild()
        self.page.go_to(ShowAttempt(number))
