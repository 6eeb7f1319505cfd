"""httpcore, with the locks of asyncio.

httpcore takes its locks from anyio, since it also runs on trio. anyio's half for asyncio costs 12 ms of each start and
1.7 MB. httpcore uses four names of it, each of which is one of asyncio's own.
"""

import asyncio
from collections.abc import Coroutine
from contextlib import nullcontext
from types import SimpleNamespace, TracebackType
from typing import Any, TypeVar

import httpcore as httpcore  # noqa: PLC0414  imported by the other modules from here
from httpcore import _synchronization

T = TypeVar("T")


class _FailAfter:
    """`asyncio.timeout` for a `with` without `async`: it awaits nothing when it is entered or left."""

    def __init__(self, delay_s: float | None) -> None:
        self._timeout = asyncio.timeout(delay_s)

    def __enter__(self) -> None:
        _result(self._timeout.__aenter__())

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        return _result(self._timeout.__aexit__(kind, error, trace))


def _result(coroutine: Coroutine[Any, Any, T]) -> T:
    """Return the result of a coroutine that awaits nothing."""
    try:
        coroutine.send(None)
    except StopIteration as end:
        result: T = end.value
        return result
    raise AssertionError("it awaits something")


_synchronization.anyio = SimpleNamespace(  # type: ignore[assignment, attr-defined]
    Lock=asyncio.Lock,
    Event=asyncio.Event,
    fail_after=_FailAfter,
    # A scope shields from cancellations by another scope of anyio alone, and there is none.
    CancelScope=lambda **_: nullcontext(),
)
