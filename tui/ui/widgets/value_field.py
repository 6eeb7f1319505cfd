"""A name with an input behind it: one row of a dialog.

What lives here: what keys do in such an input. What its text means is the screen's.
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import ClassVar, Final

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal
from textual.widget import Widget

from tui.present.dialogs.filters import PERIODS, candidates, completed, is_begun, label_line, periods_line
from tui.ui.input.keys import bind
from tui.ui.look.painting import Ground
from tui.ui.widgets.lines import Lines
from tui.ui.widgets.text_input import TextInput


def step_focus(widget: Widget, step: int) -> None:
    """Put the focus on what is next on the screen, or before."""
    if step > 0:
        widget.screen.focus_next()
    else:
        widget.screen.focus_previous()


TYPED_WITHIN_S: Final = 1.0
"""Letters take a millisecond; a widget that is being closed hears no more."""


class ValueInput(TextInput):
    """An input that completes from known values, and leaves upwards and downwards."""

    BINDINGS: ClassVar[list[BindingType]] = [
        bind("down", "step(1)", "down", "To the next field."),
        bind("up", "step(-1)", "up", "To the previous field."),
        bind("tab", "complete_or_step", "complete", "Complete what is begun, or go to the next field."),
        bind("shift+tab", "step(-1)", "previous field", "To the previous field."),
        bind("right", "right", "right", "To the right; at the end complete."),
        bind("enter", "apply", "apply", "Show what was chosen."),
    ]

    def __init__(self, text: str, known: Sequence[str] = (), placeholder: str = "any") -> None:
        super().__init__(text, placeholder=placeholder)
        self.cursor_blink = False
        self.known = known

    @property
    def offered(self) -> tuple[str, ...]:
        """What the value at the end may become."""
        return candidates(self.value, self.known)

    @property
    def is_begun(self) -> bool:
        """Whether the value at the end is a part of a known one."""
        return is_begun(self.value, self.known)

    def put(self, text: str) -> None:
        """Another text, the cursor at its end."""
        self.value = text
        self.cursor_position = len(text)

    def action_step(self, step: int) -> None:
        """To another field, at once: the next key is meant for it."""
        step_focus(self, step)

    async def action_apply(self) -> None:
        """What the screen does, with all that was typed."""
        await self._typed()
        await self.run_action("screen.apply")

    async def action_complete_or_step(self) -> None:
        """Complete, or to the next field."""
        await self._typed()
        if self.is_begun:
            self._complete()
        else:
            self.action_step(1)

    async def action_right(self) -> None:
        """To the right; at the end complete."""
        await self._typed()
        if self.cursor_at_end:
            self._complete()
        else:
            self.action_cursor_right()

    async def _typed(self) -> None:
        """Until what was typed before a key stands in the text: the keys of `bind` overtake letters."""
        is_heard = asyncio.Event()
        if self.call_later(is_heard.set):
            with suppress(TimeoutError):
                async with asyncio.timeout(TYPED_WITHIN_S):
                    await is_heard.wait()

    def _complete(self) -> None:
        if offered := self.offered:
            self.put(completed(self.value, offered[0]))


class PeriodInput(ValueInput):
    """An input of a period; left and right step through the usual ones."""

    BINDINGS: ClassVar[list[BindingType]] = [
        bind("left", "left", "shorter", "The next shorter of the usual periods."),
    ]

    async def action_right(self) -> None:
        """The next longer one."""
        await self._typed()
        self._put_period(1)

    async def action_left(self) -> None:
        """The next shorter one."""
        await self._typed()
        self._put_period(-1)

    def _put_period(self, step: int) -> None:
        text = self.value.strip()
        index = PERIODS.index(text) + step if text in PERIODS else 0 if step > 0 else len(PERIODS) - 1
        self.put(PERIODS[max(0, min(index, len(PERIODS) - 1))])


class ValueField(Horizontal):
    """The name, the input and, behind the period, the usual ones."""

    def __init__(self, name: str, value_input: ValueInput) -> None:
        super().__init__(id=f"{name}-field")
        self.title = name
        self.input = value_input
        self._label = Lines(Ground.DIALOG, classes="label")
        self._behind = Lines(Ground.DIALOG, classes="behind")

    def compose(self) -> ComposeResult:
        """Label, input, what is behind."""
        self._show()
        yield self._label
        yield self.input
        yield self._behind

    def on_descendant_focus(self) -> None:
        """The label tells where we are."""
        self._show()

    def on_descendant_blur(self) -> None:
        """Show it without the focus."""
        self._show()

    def on_input_changed(self) -> None:
        """Another text; the screen hears of it too."""
        self._show()

    def _show(self) -> None:
        self._label.show([label_line(self.title, is_focused=self.input.has_focus)])
        if isinstance(self.input, PeriodInput):
            self._behind.show([periods_line(self.input.value)])
