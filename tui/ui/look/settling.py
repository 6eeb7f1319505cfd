"""Shows what a key did in one frame, also where it opens a screen or moves panes or the focus.

Textual then places the widgets, sends each its size, and paints by a timer: the terminal would get two or three frames
within 50 ms, the first of them half empty.
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from itertools import count
from typing import Any, Final

from textual.app import App
from textual.screen import Screen

from tui.ui.base import call_soon
from tui.ui.driver import TerminalDriver
from tui.ui.screens.painted import PaintedScreen
from tui.ui.terminal.pacer import LAYOUT_S

BUSY_TURNS: Final = 200
"""Turns of the event loop after which a widget is taken to wait for something else than other widgets."""

POLL_S: Final = 0.002
"""How often such a widget is looked at."""


class KeyPainter:
    """Paints after each key. It knows the screen and the focus that are shown, and whether panes were moved since."""

    def __init__(self, app: App[Any]) -> None:
        self._app = app
        self._has_new_layout = False
        self._shown: tuple[object, ...] = ()

    def begin(self) -> None:
        """Record that the first screen is painted: nothing has to wait for it any longer."""
        self._shown, self._has_new_layout = self._place, False
        if isinstance(self._driver, TerminalDriver):
            self._driver.record_settled()

    def record_layout(self) -> None:
        """Record that widgets are about to get other places."""
        self._has_new_layout = True
        if isinstance(self._driver, TerminalDriver):
            self._driver.record_layout()
            if self._shown:
                # Behind the key that is being handled, if it is one that moved them: it is painted by then.
                call_soon(self._app, self._paint_later)

    @property
    def is_elsewhere(self) -> bool:
        """Whether another screen, another focus or other places are still to be shown."""
        return self._has_new_layout or self._shown != self._place

    async def paint(self) -> None:
        """Show at once what a key did, or, after another screen, place or focus, once all of it is painted."""
        if self.is_elsewhere and isinstance(self._driver, TerminalDriver):
            self._driver.record_layout()
            with suppress(TimeoutError):
                async with asyncio.timeout(LAYOUT_S):
                    await settle(self._app.screen_stack)
            self._has_new_layout, self._shown = False, self._place
            self._driver.record_settled()
        elif isinstance(self._app.screen, PaintedScreen):
            self._app.screen.paint_now()

    async def _paint_later(self) -> None:
        if self.is_elsewhere:
            await self.paint()

    @property
    def _place(self) -> tuple[object, ...]:
        return (self._app.screen, self._app.focused)

    @property
    def _driver(self) -> object:
        return self._app._driver  # noqa: SLF001  it has no public name


async def settle(stack: Sequence[Screen[Any]]) -> None:
    """Wait until no widget of the screens has a message to process or has to be placed, and paint the top screen.

    A screen that is opened may also wait for what it shows first.
    """
    top = stack[-1]
    for turn in count():
        if not isinstance(top, PaintedScreen) or not top.is_current:
            return
        if any(widget.message_queue_size for screen in stack for widget in screen.walk_children(with_self=True)):
            await asyncio.sleep(0 if turn < BUSY_TURNS else POLL_S)
        elif top.is_preparing:
            await asyncio.sleep(POLL_S)
        elif not top.place_now():
            top.paint_now()
            return
