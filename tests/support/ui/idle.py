"""When an app has nothing left to do: only then tests look at it, or let time pass, or all would depend on the load.

What lives here: the question, and the threads that it counts.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import ParamSpec, TypeVar, cast

from tui.ui.app import TriggerApp

P = ParamSpec("P")
T = TypeVar("T")


class Threads(ThreadPoolExecutor):
    """Where `asyncio.to_thread` works; `is_busy` says whether something is not done."""

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


class Quiet:
    """Knows whether an app, and the threads of its loop, are at work."""

    def __init__(self, app: TriggerApp) -> None:
        self._app = app
        self._threads = Threads()
        asyncio.get_running_loop().set_default_executor(self._threads)

    def is_busy(self) -> bool:
        """Whether a thread works, or a widget has something to work off."""
        if self._threads.is_busy():
            return True
        screens = [node for screen in self._app.screen_stack for node in screen.walk_children(with_self=True)]
        return any(node.message_queue_size or node._next_callbacks for node in (self._app, *screens))

    def paint(self) -> None:
        """Draw what waits for the next frame: frames come in real time, and a dialog shows what is behind it."""
        for screen in self._app.screen_stack:
            screen._on_timer_update()
