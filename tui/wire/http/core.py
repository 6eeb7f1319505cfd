"""Imports httpcore on asyncio's own locks.

httpcore takes its locks from anyio, which costs 15 ms of each start, since it also runs on trio. On asyncio five of
its names are used, and all of them are one line: while httpcore is imported, this module stands in for anyio. If
anyio is loaded already, as in tests, httpcore uses that. `network` replaces anyio's sockets.
"""

import asyncio
import sys
from asyncio import Event, Lock
from collections.abc import Coroutine
from contextlib import nullcontext
from types import ModuleType, TracebackType
from typing import Any, Final, TypeVar

T = TypeVar("T")

_ANYIO: Final = "anyio"


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


def _stand_in() -> ModuleType:
    module: Any = ModuleType(_ANYIO)
    module.Lock, module.Event, module.fail_after = Lock, Event, _FailAfter
    # A scope shields from cancellations by another scope of anyio alone, and there is none.
    module.CancelScope = lambda **_: nullcontext()
    return module  # type: ignore[no-any-return]


def _without_anyio() -> None:
    sys.modules[_ANYIO] = _stand_in()
    try:
        import httpcore  # noqa: F401, PLC0415
    finally:
        del sys.modules[_ANYIO]


if _ANYIO not in sys.modules and "httpcore" not in sys.modules:
    _without_anyio()

import httpcore as httpcore  # noqa: E402, PLC0414  imported by the other modules from here
