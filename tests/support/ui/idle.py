"""Finds out whether an app has nothing left to do.

Tests look at the screen or let time pass only then. Otherwise their results would depend on the load of the machine.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, ParamSpec, TypeVar, cast

from textual.dom import DOMNode

from tests.support.ui.stylesheets import share_parsed_stylesheets
from tui.program.app import TriggerApp

P = ParamSpec("P")
T = TypeVar("T")

share_parsed_stylesheets()


class Threads(ThreadPoolExecutor):
    """The executor of `asyncio.to_thread`. It knows whether a call is unfinished."""

    def __init__(self) -> None:
        super().__init__(4)
        self._open: list[Future[object]] = []

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        future = super().submit(fn, *args, **kwargs)
        self._open.append(cast("Future[object]", future))
        return future

    def is_busy(self) -> bool:
        self._open = [future for future in self._open if not future.done()]
        return bool(self._open)


class IdleCheck:
    """Knows whether an app or a thread of its event loop is busy."""

    def __init__(self, app: TriggerApp) -> None:
        self._app = app
        self.threads = Threads()
        asyncio.get_running_loop().set_default_executor(self.threads)

    def is_busy(self) -> bool:
        """Return whether a thread is running, or a widget has messages to process or is processing one."""
        if self.threads.is_busy():
            return True
        app = self._app
        waiting: list[DOMNode] = [*app.screen_stack, app]
        while waiting:  # asked thousands of times, so it calls nothing: `walk_children` sorts out much more
            node = waiting.pop()
            arrived: Any = node._message_queue.ready_event
            # The queue of a widget that is mounting a pane, say, is empty as well: an idle one waits for its queue.
            if ((arrived._value or not arrived._waiters) and not _is_over(node)) or node._next_callbacks:
                return True
            if node is not app:
                waiting += node._nodes._nodes
        return False

    @property
    def has_to_place(self) -> bool:
        """Whether a widget waits for its place in the next frame."""
        return any(screen.is_current and screen._layout_required for screen in self._app.screen_stack)

    def paint_top(self) -> None:
        """Draw what has changed on the top screen. The screens below are drawn whole with each frame."""
        self._app.screen._on_timer_update()

    def paint(self) -> None:
        """Draw the next frame now: frames come in real time, and a dialog shows the screen behind it."""
        for screen in self._app.screen_stack:
            timer: Any = screen._update_timer
            if timer._active.is_set():  # else a screen below a dialog asks for itself again and again
                screen._on_timer_update()


def _is_over(node: DOMNode) -> bool:
    """Return whether a widget never processes a message again."""
    return node._task is not None and node._task.done()
