"""A labelled input with completion: one row of the dialog for the server's filters."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import ClassVar, Final

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal
from textual.widget import Widget

from tui.present.dialogs.filters import PERIODS, candidates, completed, is_incomplete, label_line, periods_line
from tui.ui.input.keys import bind
from tui.ui.look.styles import Background
from tui.ui.widgets.lines import Lines
from tui.ui.widgets.text_input import TextInput


def step_focus(widget: Widget, step: int) -> None:
    """Focus the next (1) or previous (-1) widget of the screen."""
    if step > 0:
        widget.screen.focus_next()
    else:
        widget.screen.focus_previous()


TYPED_TIMEOUT_S: Final = 1.0
"""Stop waiting after this; the widget is being removed."""


class ValueInput(TextInput):
    """An input that completes from known values. Up and down move to other fields."""

    BINDINGS: ClassVar[list[BindingType]] = [
        bind("down", "step(1)", "down", "Go to the next field.", id="field-down"),
        bind("up", "step(-1)", "up", "Go to the previous field.", id="field-up"),
        bind("tab", "complete_or_step", "complete", "Complete the value, or go to the next field.", id="complete"),
        bind("shift+tab", "step(-1)", "previous field", "Go to the previous field.", id="previous-field"),
        bind("right", "right", "right", "Move right; at the end, complete the value.", id="value-right"),
        bind("enter", "apply", "apply", "Apply the filters.", id="apply-filters"),
    ]

    def __init__(self, text: str, known: Sequence[str] = (), placeholder: str = "any") -> None:
        super().__init__(text, placeholder=placeholder)
        self.known = known

    @property
    def offered(self) -> tuple[str, ...]:
        """The known values that complete the last value."""
        return candidates(self.value, self.known)

    @property
    def is_incomplete(self) -> bool:
        """Whether the last value is the beginning of a known one."""
        return is_incomplete(self.value, self.known)

    def put(self, text: str) -> None:
        """Replace the text, with the cursor at its end."""
        self.value = text
        self.cursor_position = len(text)

    def action_step(self, step: int) -> None:
        step_focus(self, step)

    async def action_apply(self) -> None:
        await self._wait_for_typed()
        await self.run_action("screen.apply")

    async def action_complete_or_step(self) -> None:
        await self._wait_for_typed()
        if self.is_incomplete:
            self._complete()
        else:
            self.action_step(1)

    async def action_right(self) -> None:
        await self._wait_for_typed()
        if self.cursor_at_end:
            self._complete()
        else:
            self.action_cursor_right()

    async def _wait_for_typed(self) -> None:
        """Wait until the letters that were typed earlier are in the text. The keys of `bind` overtake them."""
        is_handled = asyncio.Event()
        if self.call_later(is_handled.set):
            with suppress(TimeoutError):
                async with asyncio.timeout(TYPED_TIMEOUT_S):
                    await is_handled.wait()

    def _complete(self) -> None:
        if offered := self.offered:
            self.put(completed(self.value, offered[0]))


class PeriodInput(ValueInput):
    """An input for a period. Left and right step through the usual periods."""

    BINDINGS: ClassVar[list[BindingType]] = [
        bind("left", "left", "shorter", "Choose the next shorter of the usual periods.", id="value-left"),
    ]

    async def action_right(self) -> None:
        await self._wait_for_typed()
        self._put_period(1)

    async def action_left(self) -> None:
        await self._wait_for_typed()
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

    def on_descendant_blur(self) -> None:
        self._show()

    def on_input_changed(self) -> None:
        self._show()

    def _show(self) -> None:
        self._label.show([label_line(self.title, is_focused=self.input.has_focus)])
        if isinstance(self.input, PeriodInput):
            self._usual_periods.show([periods_line(self.input.value)])
