"""A program that runs beside the monitor: without a terminal, with bounded output, and for a bounded time.

It is the leader of a session of its own, so that it cannot reach the terminal, and is ended with its process group.
"""

import asyncio
import os
import signal
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import timedelta
from enum import Enum, auto
from functools import partial
from subprocess import DEVNULL, PIPE, STDOUT
from typing import Final

from tui.lazy_dataclass import dataclass

MAX_AT_ONCE: Final = 4
"""Programs that run at the same time."""

TIME_LIMIT_S: Final = 300.0
"""A program that runs longer is ended."""

MAX_KEPT_BYTES: Final = 4 * 1024
"""So much is kept of the start of the output, and as much of its end."""

MAX_OUTPUT_BYTES: Final = 256 * 1024 * 1024
"""A program that writes more is ended."""

END_GRACE_S: Final = 2.0
"""Between SIGTERM and SIGKILL, after the time limit."""

QUIT_GRACE_S: Final = 0.2
"""The same when the monitor ends, which waits no longer."""

DRAIN_S: Final = 0.5
"""How long to wait for the rest of the output once the program has ended: what it started may keep the pipe open."""

_STDIN: Final = 0

_BYTES_PER_PAUSE: Final = 1024 * 1024
_PAUSE_S: Final = 0.005
"""A program that writes without end must not take all of the monitor's time."""


class Ending(Enum):
    """Why a program has ended."""

    BY_ITSELF = auto()
    TIME_LIMIT = auto()
    TOO_MUCH_OUTPUT = auto()


@dataclass(frozen=True, slots=True)
class ProgramResult:
    """The outcome of a program.

    * `exit_code`: negative if a signal has ended it
    * `start`, `end`: the first and the last bytes of what it wrote to stdout and stderr; `end` continues `start`
      if nothing was left out
    * `left_out`: the bytes between them
    """

    exit_code: int
    took: timedelta
    ending: Ending
    start: bytes
    end: bytes
    left_out: int


class KeptOutput:
    """The first and the last `MAX_KEPT_BYTES` of an output of any size."""

    def __init__(self) -> None:
        self.size = 0
        self.start = b""
        self._tail: deque[bytes] = deque()
        self._tail_size = 0

    def add(self, chunk: bytes) -> None:
        """Add the next bytes."""
        self.size += len(chunk)
        room = MAX_KEPT_BYTES - len(self.start)
        if room > 0:
            self.start += chunk[:room]
            chunk = chunk[room:]
        if chunk:
            self._tail.append(chunk[-MAX_KEPT_BYTES:])
            self._tail_size += len(self._tail[-1])
        while self._tail and self._tail_size - len(self._tail[0]) >= MAX_KEPT_BYTES:
            self._tail_size -= len(self._tail.popleft())

    @property
    def end(self) -> bytes:
        """The last bytes that are not in `start`."""
        return b"".join(self._tail)[-MAX_KEPT_BYTES:]

    @property
    def left_out(self) -> int:
        """The bytes between `start` and `end`."""
        return self.size - len(self.start) - len(self.end)


class _Listener(asyncio.SubprocessProtocol):
    """Keeps what a program writes, and knows when it has ended. It needs no task of its own."""

    def __init__(self, stdin: bytes | None) -> None:
        self._loop = asyncio.get_running_loop()
        self._stdin = stdin
        self._pause_at = _BYTES_PER_PAUSE
        self._transport: asyncio.SubprocessTransport
        self.kept = KeptOutput()
        self.ended = asyncio.Event()
        self.is_at_end = asyncio.Event()
        """Nobody has the other end of the pipe any more."""
        self.has_news = asyncio.Event()
        """The program has ended, or has written too much."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.SubprocessTransport)
        self._transport = transport
        if self._stdin is not None:
            pipe = transport.get_pipe_transport(_STDIN)
            assert isinstance(pipe, asyncio.WriteTransport)
            pipe.write(self._stdin)
            pipe.close()  # once everything is written, or the program has closed its end

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        self.kept.add(data)
        if self.has_too_much:
            self.has_news.set()
        pipe = self._transport.get_pipe_transport(fd)
        if self.kept.size >= self._pause_at and isinstance(pipe, asyncio.ReadTransport):
            self._pause_at = self.kept.size + _BYTES_PER_PAUSE
            pipe.pause_reading()
            self._loop.call_later(_PAUSE_S, self._resume, pipe)

    @property
    def has_too_much(self) -> bool:
        return self.kept.size > MAX_OUTPUT_BYTES

    def pipe_connection_lost(self, fd: int, exc: Exception | None) -> None:  # noqa: ARG002  asyncio's
        if fd != _STDIN:
            self.is_at_end.set()

    def process_exited(self) -> None:
        self.ended.set()
        self.has_news.set()

    @staticmethod
    def _resume(pipe: asyncio.ReadTransport) -> None:
        if not pipe.is_closing():
            pipe.resume_reading()


async def run_in_background(
    path: str,
    arguments: Sequence[str],
    environ: Mapping[str, str],
    folder: str,
    *,
    stdin: bytes | None = None,
    time_limit_s: float | None = None,
) -> ProgramResult:
    """Run a program until it ends. A cancellation ends it too. Raises `OSError` if it cannot start.

    The arguments reach it as they are, in UTF-8, whatever the locale. stdin has these bytes, or is empty; stdout and
    stderr are one pipe.
    """
    loop = asyncio.get_running_loop()
    began_s = loop.time()
    start = loop.subprocess_exec(
        partial(_Listener, stdin),
        *(each.encode() for each in arguments),
        executable=path,
        stdin=DEVNULL if stdin is None else PIPE,
        stdout=PIPE,
        stderr=STDOUT,
        env=dict(environ),
        cwd=folder,
        start_new_session=True,
    )
    transport, listener = await _started(asyncio.gather(start))
    ending = Ending.BY_ITSELF
    try:
        if not await _is_set(listener.has_news, TIME_LIMIT_S if time_limit_s is None else time_limit_s):
            ending = Ending.TIME_LIMIT
        elif not listener.ended.is_set():
            ending = Ending.TOO_MUCH_OUTPUT
        if ending is not Ending.BY_ITSELF:
            await _end(transport, listener, END_GRACE_S)
        took_s = loop.time() - began_s
        await _is_set(listener.is_at_end, DRAIN_S)
    finally:
        if not listener.ended.is_set():
            await _end(transport, listener, QUIT_GRACE_S)  # the monitor ends
        transport.close()
    kept, code = listener.kept, transport.get_returncode()
    return ProgramResult(
        -signal.SIGKILL if code is None else code,
        timedelta(seconds=took_s),
        ending,
        kept.start,
        kept.end,
        kept.left_out,
    )


async def _started(
    starting: asyncio.Future[tuple[tuple[asyncio.SubprocessTransport, _Listener]]],
) -> tuple[asyncio.SubprocessTransport, _Listener]:
    """Wait for the start. asyncio ends a program whose start is canceled, but not what that had started already."""
    try:
        ((transport, listener),) = await asyncio.shield(starting)
    except asyncio.CancelledError:
        with suppress(OSError):
            ((transport, listener),) = await starting
            await _end(transport, listener, QUIT_GRACE_S)
            transport.close()
        raise
    return transport, listener


async def _is_set(event: asyncio.Event, timeout_s: float) -> bool:
    """Wait for an event. Return False if it does not come in time."""
    with suppress(TimeoutError):
        async with asyncio.timeout(timeout_s):
            await event.wait()
    return event.is_set()


async def _end(transport: asyncio.SubprocessTransport, listener: _Listener, grace_s: float) -> None:
    """End a program and what is left of its process group."""
    group = transport.get_pid()
    for number in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(group, number)
        if await _is_set(listener.ended, grace_s):
            break
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(group, signal.SIGKILL)  # what the program had started, and did not end with it
