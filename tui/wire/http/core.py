"""Imports httpcore without three libraries that it seldom uses. They cost 20 ms of each start.

* anyio: httpcore takes its locks from there, since it also runs on trio. On asyncio it uses four names, each of which
  is one of asyncio's own. If anyio is loaded already, as in tests, httpcore uses that. `network` has the sockets.
* socksio: `socks_pool` loads it for a proxy that speaks SOCKS.
* certifi: `pools` names the authorities itself, and loads it where TLS is used.
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


def _of_anyio(name: str) -> object:
    """Return a name that httpcore needs for other users than us."""
    import anyio  # noqa: PLC0415  as above

    return getattr(anyio, name)


def _stand_in() -> ModuleType:
    module: Any = ModuleType(_ANYIO)
    module.Lock, module.Event, module.fail_after = Lock, Event, _FailAfter
    # A scope shields from cancellations by another scope of anyio alone, and there is none.
    module.CancelScope = lambda **_: nullcontext()
    module.__getattr__ = _of_anyio
    return module  # type: ignore[no-any-return]


def _certifi() -> ModuleType:
    module: Any = ModuleType("certifi")

    def where() -> str:
        import certifi  # noqa: PLC0415

        return certifi.where()

    module.where = where
    return module  # type: ignore[no-any-return]


def _import_alone() -> None:
    modules: dict[str, Any] = sys.modules
    stand_ins = {_ANYIO: _stand_in(), "certifi": _certifi(), "socksio": None}
    mine = {name: module for name, module in stand_ins.items() if name not in modules}
    modules.update(mine)
    try:
        import httpcore  # noqa: F401, PLC0415
    finally:
        for name in mine:
            del modules[name]


if "httpcore" not in sys.modules:
    _import_alone()

import httpcore as httpcore  # noqa: E402, PLC0414  imported by the other modules from here


def socks_pool(*arguments: Any, **options: Any) -> httpcore.AsyncConnectionPool:
    """Return a pool behind a SOCKS proxy, with the arguments of `httpcore.AsyncSOCKSProxy`."""
    # httpcore replaced the class by one that raises, since there was no socksio when it was imported.
    from httpcore._async.socks_proxy import AsyncSOCKSProxy  # noqa: PLC0415

    return AsyncSOCKSProxy(*arguments, **options)
