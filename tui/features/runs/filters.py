"""The dialog of the server's filters: status, task, tag, version, queue, period."""

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar, Final

from textual import events
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal
from textual.message import Message
from textual.strip import Strip
from textual.widgets import Input

from tui.domain.filters import period_text
from tui.features.runs import words
from tui.features.runs.data import RunSubscription
from tui.features.runs.words import FAMILIES, PERIODS, TYPED_LISTS, Typed
from tui.kit.colors import Background
from tui.kit.keys import bind
from tui.kit.lines import Lines, LineWidget, TextInput
from tui.kit.painted import FORM_CSS, FormDialog
from tui.store.server_filter import known_values
from tui.sync.session import Session
from tui.text import formatting
from tui.text.styled import Line, Piece, Token, line_width, pad

# A labelled input with completion: one row of the dialog for the server's filters.


class ValueInput(TextInput):
    """An input that completes from known values. Up and down move to other fields."""

    BINDINGS: ClassVar[list[BindingType]] = [
        bind("down", "app.focus_next", "down", "Go to the next field.", id="field-down"),
        bind("up", "app.focus_previous", "up", "Go to the previous field.", id="field-up"),
        bind("tab", "complete_or_step", "complete", "Complete the value, or go to the next field.", id="complete"),
        bind("shift+tab", "app.focus_previous", "previous field", "Go to the previous field.", id="previous-field"),
        bind("right", "right", "right", "Move right; at the end, complete the value.", id="value-right"),
        bind("enter", "screen.apply", "apply", "Apply the filters.", id="apply-filters"),
    ]

    def __init__(self, text: str, known: Sequence[str] = (), placeholder: str = "any") -> None:
        super().__init__(text, placeholder=placeholder)
        self.known = known

    @property
    def offered(self) -> tuple[str, ...]:
        """The known values that complete the last value."""
        return words.candidates(self.value, self.known)

    @property
    def is_incomplete(self) -> bool:
        """Whether the last value is the beginning of a known one."""
        return words.is_incomplete(self.value, self.known)

    def put(self, text: str) -> None:
        """Replace the text, with the cursor at its end."""
        self.value = text
        self.cursor_position = len(text)

    def action_complete_or_step(self) -> None:
        if self.is_incomplete:
            self._complete()
        else:
            self.screen.focus_next()

    def action_right(self) -> None:
        if self.cursor_at_end:
            self._complete()
        else:
            self.action_cursor_right()

    def _complete(self) -> None:
        if offered := self.offered:
            self.put(words.completed(self.value, offered[0]))


class PeriodInput(ValueInput):
    """An input for a period. Left and right step through the usual periods. Typing replaces the selected text."""

    BINDINGS: ClassVar[list[BindingType]] = [
        bind("left", "left", "shorter", "Choose the next shorter period.", id="value-left"),
    ]

    def put(self, text: str) -> None:
        super().put(text)
        self.select_all()

    def on_focus(self) -> None:
        self.select_all()

    def action_right(self) -> None:
        self._put_period(1)

    def action_left(self) -> None:
        self._put_period(-1)

    def _put_period(self, step: int) -> None:
        text = self.value.strip()
        index = PERIODS.index(text) + step if text in PERIODS else 0 if step > 0 else len(PERIODS) - 1
        self.put(PERIODS[max(0, min(index, len(PERIODS) - 1))])


class ValueField(Horizontal):
    """A label and an input. A period input is followed by the usual periods."""

    def __init__(self, name: str, value_input: ValueInput) -> None:
        super().__init__(id=f"{name}-field")
        self.title = name
        self.input = value_input
        self._label = Lines(Background.DIALOG, classes="label")
        self._usual_periods = Lines(Background.DIALOG, classes="behind")

    def compose(self) -> ComposeResult:
        self._show()
        yield self._label
        yield self.input
        yield self._usual_periods

    def on_descendant_focus(self) -> None:
        self._show()

    on_descendant_blur = on_input_changed = on_descendant_focus

    def _show(self) -> None:
        is_focused = self.input.has_focus
        name = Piece(self.title, Token.BRIGHT if is_focused else Token.FAINT, is_bold=is_focused)
        self._label.show([(Piece(" ▌ " if is_focused else "   ", Token.ACCENT), name)])
        if isinstance(self.input, PeriodInput):
            self._usual_periods.show([words.periods_line(self.input.value)])


# The grid in which the user chooses statuses. Each column is a group; its heading chooses the whole column.


INDENT: Final = 1
COLUMN_WIDTH: Final = 21
"""The sum of a mark, a space, the glyph, a space, the longest title, and two cells before the next column."""


class StatusGrid(LineWidget, can_focus=True):
    """A grid of statuses. Row 0 has the headings. `chosen` are the server's words for statuses."""

    BINDINGS: ClassVar[list[BindingType]] = [
        bind("down,j", "move_row(1)", "down", "Move one status down, then to the next field.", id="status-down"),
        bind("up,k", "move_row(-1)", "up", "One status up.", id="status-up"),
        bind("right,l", "move_column(1)", "right", "Go to the next column.", id="status-right"),
        bind("left,h", "move_column(-1)", "left", "Go to the previous column.", id="status-left"),
        bind("space", "choose", "choose", "Select the status or not; on a heading, its whole column.",
             id="choose-status"),
        bind("tab", "app.focus_next", "next field", "Go to the next field.", id="next-field"),
        bind("shift+tab", "app.focus_previous", "previous field", "Go to the previous field.", id="previous-field"),
        bind("enter", "screen.apply", "apply", "Apply the filters.", id="apply-filters"),
    ]  # fmt: skip

    class Changed(Message):
        """The chosen statuses or the cursor have changed."""

    def __init__(self, chosen: frozenset[str]) -> None:
        super().__init__(id="statuses")
        self.chosen = chosen
        """The words of the chosen statuses. Empty means all."""
        # The cursor begins on the failures: users filter for these most often.
        self._column = 1
        self._row = 0

    @property
    def under_cursor(self) -> str:
        """What the space bar chooses: `Timed out`, or `all failed` on the heading of a column."""
        family, titles = FAMILIES[self._column]
        return words.STATUS_NAMES[words.word_of(titles[self._row - 1])] if self._row else f"all {family}"

    def choose(self, chosen: frozenset[str]) -> None:
        """Replace the chosen statuses."""
        if chosen != self.chosen:
            self.chosen = chosen
            self.refresh()
            self.post_message(self.Changed())

    def render_line(self, y: int) -> Strip:
        strips = [self.painter.blank(INDENT, Background.DIALOG)]
        room = self.size.width - INDENT
        for column in range(len(FAMILIES)):
            width = COLUMN_WIDTH if column < len(FAMILIES) - 1 else room - COLUMN_WIDTH * column
            strips.append(self._cell(column, y, max(0, min(width, room - COLUMN_WIDTH * column))))
        return Strip.join(strips)

    def _cell(self, column: int, row: int, width: int) -> Strip:
        titles = FAMILIES[column][1]
        if row > len(titles):
            return self.painter.blank(width, Background.DIALOG)
        line = words.status_cell(titles[row - 1], self.chosen) if row else words.heading_cell(column, self.chosen)
        is_here = self.has_focus and (column, row) == (self._column, self._row)
        line = (_edge(is_chosen=self._words(column, row) <= self.chosen, is_here=is_here), Piece(" "), *line)
        if not is_here:
            return self.painter.strip(line, width, Background.DIALOG)
        inner = min(width, COLUMN_WIDTH - 2)
        here = self.painter.strip(line, inner, Background.DIALOG_CURSOR)
        return Strip.join([here, self.painter.blank(width - inner, Background.DIALOG)])

    def _words(self, column: int, row: int) -> frozenset[str]:
        """Return the words of the statuses that a cell stands for."""
        return frozenset({words.word_of(FAMILIES[column][1][row - 1])}) if row else words.words_of(column)

    def action_move_row(self, step: int) -> None:
        if (row := self._row + step) > len(FAMILIES[self._column][1]):
            self.screen.focus_next()
        else:
            self._go(self._column, max(0, row))

    def action_move_column(self, step: int) -> None:
        column = max(0, min(self._column + step, len(FAMILIES) - 1))
        self._go(column, min(self._row, len(FAMILIES[column][1])))

    def action_choose(self) -> None:
        meant = self._words(self._column, self._row)
        self.choose(self.chosen - meant if meant <= self.chosen else self.chosen | meant)

    def on_click(self, event: events.Click) -> None:
        event.stop()
        column = max(0, min((event.x - INDENT) // COLUMN_WIDTH, len(FAMILIES) - 1))
        if 0 <= event.y <= len(FAMILIES[column][1]):
            self._go(column, event.y)
            self.action_choose()

    def _go(self, column: int, row: int) -> None:
        if (column, row) != (self._column, self._row):
            self._column, self._row = column, row
            self.refresh()
            self.post_message(self.Changed())


def _edge(*, is_chosen: bool, is_here: bool) -> Piece:
    if is_here:
        return Piece("•", Token.MARKED) if is_chosen else Piece("▌", Token.ACCENT)
    return Piece("•" if is_chosen else " ", Token.ACCENT)


FULL_HEIGHT: Final = 21
"""The height of the dialog with its empty rows. A screen with fewer rows shows it without them."""


class ClearAll(LineWidget, can_focus=True):
    """The button that clears every filter."""

    BINDINGS: ClassVar[list[BindingType]] = [
        bind("enter,space", "screen.clear_all", "clear", "Clear every filter.", id="clear-chosen"),
        bind("up,left,k,h,shift+tab", "app.focus_previous", "up", "Go to the field above.", id="button-up"),
        bind("down,right,j,l,tab", "app.focus_next", "down", "Go to the statuses.", id="button-down"),
    ]

    def render_line(self, y: int) -> Strip:  # noqa: ARG002  it has one line
        if not self.has_focus:
            return self.painter.strip((Piece("  clear all", Token.MUTED),), self.size.width, Background.DIALOG)
        line = (Piece("▌ ", Token.ACCENT), Piece("clear all", is_bold=True))
        return self.painter.strip(line, self.size.width, Background.DIALOG_CURSOR)

    async def on_click(self) -> None:
        await self.run_action("screen.clear_all")


class ServerFiltersScreen(FormDialog[None]):
    """Lets the user choose the server's filters. It starts with the current ones."""

    CSS_PATH: ClassVar[list[str | Path]] = [FORM_CSS, "server_filters.tcss"]  # type: ignore[assignment]
    BINDINGS: ClassVar[list[BindingType]] = [
        bind("escape", "leave", "back", "Close without changing the filters.", id="back"),
    ]

    def __init__(self, session: Session, subscription: RunSubscription) -> None:
        super().__init__()
        self._session = session
        self._subscription = subscription
        self._known = known_values(session.store)
        typed = words.typed_of(subscription.chosen, session.settings.zone)
        self._grid = StatusGrid(typed.statuses)
        inputs = {word: ValueInput(getattr(typed, word), self._known.of(word)) for word in TYPED_LISTS}
        inputs["period"] = PeriodInput(typed.period, placeholder=period_text(session.settings.history))
        self._fields = {name: ValueField(name, each) for name, each in inputs.items()}
        self._clear = ClearAll(id="clear")
        self._remark = Lines(Background.DIALOG)
        self._shows = Lines(Background.DIALOG, id="shows")
        self._apply = Lines(Background.DIALOG, id="apply")
        self._leave = Lines(Background.DIALOG, id="leave")

    @property
    def typed(self) -> Typed:
        """The filters as they are typed in the dialog."""
        return Typed(self._grid.chosen, **{name: field.input.value for name, field in self._fields.items()})

    def parts(self) -> ComposeResult:
        yield Lines(Background.DIALOG, classes="gap")
        yield self._grid
        yield Lines(Background.DIALOG, classes="gap")
        yield from self._fields.values()
        yield Lines(Background.DIALOG, classes="gap")
        yield self._remark
        yield self._shows
        yield Lines(Background.DIALOG, classes="gap")
        with Horizontal():
            yield self._apply
            yield self._clear
            yield self._leave
        yield self.remarks

    def on_mount(self) -> None:
        self._grid.focus()
        self._apply.show([(Piece("   "), Piece(" Apply ", Token.BUTTON), Piece("  Enter", is_bold=True))])

    def on_resize(self) -> None:
        self.set_class(self.size.height < FULL_HEIGHT, "low")

    def on_descendant_focus(self) -> None:
        self.show()

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        self.show()

    on_status_grid_changed = on_descendant_focus

    def action_clear_all(self) -> None:
        self._grid.choose(frozenset())
        for field in self._fields.values():
            field.input.put("")
        self.set_focus(self._grid)

    def action_apply(self) -> None:
        if (chosen := words.read_typed(self.typed, self._session.settings.history, self._session.local_now())) is None:
            self.set_focus(self._fields["period"].input)
        else:
            self.dismiss(None)
            self._subscription.choose(chosen)

    def draw(self, width: int) -> None:
        self.title_lines.show([words.band_line(width, needs_rules=self.needs_rules)])
        self.show_remarks([])
        self._shows.show([words.shows_line(self.typed, self._session.settings.history, self._session.local_now())])
        self._remark.show([self._remark_line(width)])
        leave = (Piece("Esc", is_bold=True), Piece(" back", Token.FAINT), Piece("   "))
        self._leave.show([pad(leave, self._leave.size.width, "right")])

    def _remark_line(self, width: int) -> Line:
        """Return an error, else a suggestion, else the keys that work in the focused field."""
        if (failure := words.period_error(self.typed.period, self._session.local_now())) is not None:
            return words.sentence_line(failure, is_wrong=True)
        name = next((name for name, field in self._fields.items() if field.input.has_focus), None)
        if name == "period":
            keys = words.keys_line(("← →", "choose, or type 90m, 14d, 02:50-03:20"))
            most = formatting.count(self._session.settings.history_runs)
            line = (*keys, Piece(f"   newest {most} runs", Token.FAINT))
            return line if line_width(line) <= width else keys
        if name is not None:
            value_input = self._fields[name].input
            warning = None if value_input.is_incomplete else words.doubtful_value(name, value_input.value, self._known)
            if warning is not None:
                return words.sentence_line(warning, is_wrong=False)
            return words.offer_line(value_input.offered, width, is_tab=value_input.is_incomplete)
        if self._clear.has_focus:
            return words.sentence_line("Enter clears all filters; press Enter again to apply that.", is_wrong=False)
        return words.keys_line(("space", self._grid.under_cursor), ("↓", "fields"))
