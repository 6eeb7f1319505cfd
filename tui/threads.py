"""Calls in threads that the program does not wait for when it ends."""

from collections.abc import Callable
from concurrent.futures import Future
from threading import Thread
from typing import TypeVar

T = TypeVar("T")


def call_detached(name: str, call: Callable[[], T]) -> Future[T]:
    """Call a function in a thread of its own, which does not keep the program from ending.

    The threads of `asyncio.to_thread` do, and are as few as 6: a disk or a lookup that hangs would take them from all
    others.
    """
    result: Future[T] = Future()
    result.set_running_or_notify_cancel()

    def run() -> None:
        try:
            result.set_result(call())
        except Exception as error:  # noqa: BLE001  the caller raises it
            result.set_exception(error)

    Thread(target=run, name=name, daemon=True).start()
    return result
