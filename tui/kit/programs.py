"""Other programs: a browser, others beside the monitor, those with the terminal for themselves, and files for them."""

import asyncio
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from enum import Enum, auto
from functools import partial
from pathlib import Path
from subprocess import DEVNULL, PIPE, STDOUT
from typing import Final

from tui.kit.terminal import early
from tui.lazy_dataclass import dataclass
from tui.threads import call_detached

# A browser beside the monitor: the user's own, or that of the platform where there is a display.
#
# A browser gets no terminal: it reads nothing, and its output is discarded. A browser that draws on the terminal is
# started in the foreground instead.


FAILS_WITHIN_S: Final = 3.0
"""A browser that still runs after this time has started successfully."""

MAX_BROWSERS: Final = 8
"""At most this many entries of `$BROWSER` are tried."""

TEXT_BROWSERS: Final = frozenset({"browsh", "carbonyl", "chawan", "cha", "elinks", "links", "links2", "lynx", "w3m"})
"""The names of those that draw on the terminal."""

_WEB_ADDRESS: Final = re.compile(r"https?://[!-~]{1,2000}\Z")


def is_web_address(text: str) -> bool:
    """Return whether a text is an address of the web, in ASCII and without spaces."""
    return _WEB_ADDRESS.match(text) is not None


def browsers_for(address: str, environ: Mapping[str, str], platform: str = sys.platform) -> list[tuple[str, ...]]:
    """Return the commands to try, in order: those of `$BROWSER`, else the platform's if the display is local.

    Entries of `$BROWSER` are separated by `:`; `%s` stands for the address, which otherwise comes last. Over SSH the
    display belongs to the other machine.
    """
    own = [
        command
        for entry in environ.get("BROWSER", "").split(os.pathsep)[:MAX_BROWSERS]
        if (command := _own_browser(entry, address)) is not None
    ]
    if own or "SSH_CONNECTION" in environ or "SSH_TTY" in environ:
        return own
    if platform == "darwin":
        names = ["open"]
    elif "WSL_DISTRO_NAME" in environ:
        names = ["wslview"]
    else:
        names = ["xdg-open", "wslview"] if environ.get("DISPLAY") or environ.get("WAYLAND_DISPLAY") else []
    return [(name, address) for name in names if shutil.which(name, path=environ.get("PATH"))]


def _own_browser(entry: str, address: str) -> tuple[str, ...] | None:
    try:
        words = shlex.split(entry)
    except ValueError:  # a quote that does not end
        return None
    if words[-1:] == ["&"]:  # Python's `webbrowser` allows this; browsers run beside the monitor anyway
        words.pop()
    if not words:
        return None
    if any("%s" in word for word in words[1:]):
        return (words[0], *(word.replace("%s", address) for word in words[1:]))
    return (*words, address)


async def start_browser(command: tuple[str, ...], environ: Mapping[str, str]) -> str | None:
    """Start a browser that needs no terminal. Return why it failed, None if it runs or has handed the address over."""
    try:
        process = await asyncio.to_thread(_spawn_browser, command, environ)
    except OSError as error:
        return error.strerror or str(error)
    # A thread waits for the end of the browser, perhaps until this program ends. Otherwise it would become a zombie.
    ended = asyncio.wrap_future(call_detached("browser", process.wait))
    try:
        async with asyncio.timeout(FAILS_WITHIN_S):
            code = await ended
    except TimeoutError:
        return None
    return None if code == 0 else outcome_words(code)


def outcome_words(code: int) -> str:
    """Return how a program ended, from its exit code."""
    return f"ended by signal {-code}" if code < 0 else f"exit {code}"


def _spawn_browser(arguments: Sequence[str], environ: Mapping[str, str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(  # noqa: S603  the user's own browser, as a list of arguments
        arguments, env=environ, stdin=DEVNULL, stdout=DEVNULL, stderr=DEVNULL, start_new_session=True
    )


# A program that runs beside the monitor: without a terminal, with bounded output, and for a bounded time.
#
# It is the leader of a session of its own, so that it cannot reach the terminal, and is ended with its process group.


MAX_AT_ONCE: Final = 4
"""Programs that run at the same time."""

TIME_LIMIT_S: Final = 300.0
"""A program that runs longer is ended."""

MAX_KEPT_BYTES: Final = 4 * 1024
"""This much of the start of the output is kept, and as much of its end."""

MAX_OUTPUT_BYTES: Final = 256 * 1024 * 1024
"""A program that writes more is ended."""

END_GRACE_S: Final = 2.0
"""Between SIGTERM and SIGKILL, after the time limit."""

QUIT_GRACE_S: Final = 0.2
"""The time between these signals when the monitor ends, since it must not wait longer."""

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
    * `kept`: what it wrote to stdout and stderr
    """

    exit_code: int
    took: timedelta
    ending: Ending
    kept: "KeptOutput"


class KeptOutput:
    """The first and the last `MAX_KEPT_BYTES` of an output of any size."""

    def __init__(self) -> None:
        self.size = 0
        self.start = self.end = b""
        """The first bytes, and the last ones that are not among them."""

    def add(self, chunk: bytes) -> None:
        """Add the next bytes."""
        self.size += len(chunk)
        room = MAX_KEPT_BYTES - len(self.start)
        self.start += chunk[:room]
        self.end = (self.end + chunk[room:])[-MAX_KEPT_BYTES:]

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
        """No process has the other end of the pipe open any more."""
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
        if self.kept.size > MAX_OUTPUT_BYTES:
            self.has_news.set()
        pipe = self._transport.get_pipe_transport(fd)
        if self.kept.size >= self._pause_at and isinstance(pipe, asyncio.ReadTransport):
            self._pause_at = self.kept.size + _BYTES_PER_PAUSE
            pipe.pause_reading()
            self._loop.call_later(_PAUSE_S, self._resume, pipe)

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

    It receives the arguments unchanged, in UTF-8, independent of the locale. `stdin` is what it can read; stdout and
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
    code = transport.get_returncode()
    return ProgramResult(-signal.SIGKILL if code is None else code, timedelta(seconds=took_s), ending, listener.kept)


_Started = tuple[asyncio.SubprocessTransport, _Listener]


async def _started(starting: asyncio.Future[tuple[_Started]]) -> _Started:
    """Wait for the start. If it is canceled, asyncio ends the program, but not the programs that it has started."""
    try:
        return (await asyncio.shield(starting))[0]
    except asyncio.CancelledError:
        with suppress(OSError):
            ((transport, listener),) = await starting
            await _end(transport, listener, QUIT_GRACE_S)
            transport.close()
        raise


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
        os.killpg(group, signal.SIGKILL)  # programs that it had started, and that did not end with it


# A program that has the terminal for itself. Like a shell, we run it in its own process group.
#
# So ctrl-c and ctrl-z reach only that program, and signals that it sends to its group do not reach the monitor.


END_TIMEOUT_S: Final = 1.0
"""A program that has not ended this long after SIGHUP is killed."""

_SHELL: Final = "/bin/sh"
_STOP_AND_RUN: Final = 'kill -STOP $$; exec "$@"'
"""Stops until the program's group has the terminal, so that keys typed at its first output reach it."""

_IGNORED_BY_PYTHON: Final = (signal.SIGPIPE, signal.SIGXFSZ)


def path_of(arguments: Sequence[str], environ: Mapping[str, str]) -> str:
    """Return the path of a program. Raises `OSError` with its name if it cannot be found or run."""
    name = arguments[0] if arguments else "a program"
    if arguments and (path := shutil.which(name, path=environ.get("PATH"))):
        return path
    if os.sep in name and os.path.exists(name):  # noqa: PTH110  false for a name that is no path
        raise PermissionError(f"{name} is not a program that may be run")
    raise FileNotFoundError(f"{name} was not found")


class ForegroundProgram:
    """One run of a program. `wait` ends with it.

    `on_stopped` is called in the thread of the event loop when the program was stopped, as by ctrl-z.
    """

    def __init__(
        self,
        path: str,
        arguments: Sequence[str],
        environ: Mapping[str, str],
        terminal: int,
        on_stopped: Callable[[], None],
    ) -> None:
        """`path` is the path of the program, `terminal` the descriptor of the terminal that it gets."""
        self._terminal = terminal
        self._on_stopped = on_stopped
        self._loop = asyncio.get_running_loop()
        self._ended: asyncio.Future[int] = self._loop.create_future()
        self._has_ended = threading.Event()
        self._process_id = os.posix_spawn(
            _SHELL,
            [_SHELL, "-c", _STOP_AND_RUN, _SHELL, path, *arguments[1:]],
            dict(environ),
            setpgroup=0,
            setsigmask=[],
            setsigdef=_IGNORED_BY_PYTHON,
        )
        self._has_begun = False
        threading.Thread(target=self._watch, name="foreground-program", daemon=True).start()

    async def wait(self) -> int:
        """Return the exit code. It is negative if a signal has ended the program, as in `subprocess`."""
        return await asyncio.shield(self._ended)

    def continue_in_foreground(self) -> None:
        """Give the terminal to the program, which was stopped, and continue it."""
        early.give_terminal(self._terminal, self._process_id)
        self._send(signal.SIGCONT)

    def stop(self) -> None:
        """Ask the program to stop. `on_stopped` is called if it does."""
        self._send(signal.SIGTSTP)

    def end(self) -> None:
        """End the program, in bounded time, and take the terminal back."""
        for number in (signal.SIGHUP, signal.SIGKILL):
            if self._has_ended.is_set():
                break
            self._send(number)
            self._send(signal.SIGCONT)
            self._has_ended.wait(END_TIMEOUT_S)
        self.take_terminal()

    def take_terminal(self) -> None:
        """Take the terminal back for the group of this process."""
        early.give_terminal(self._terminal, os.getpgrp())

    def _send(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process_id, number)

    def _watch(self) -> None:
        """Wait for the program in a thread: asyncio does not report that a process was stopped."""
        while True:
            _, status = os.waitpid(self._process_id, os.WUNTRACED)
            if not os.WIFSTOPPED(status):
                break
            self._call(self._on_stop, os.WSTOPSIG(status))
        self._has_ended.set()
        self._call(self._ended.set_result, os.waitstatus_to_exitcode(status))

    def _on_stop(self, number: int) -> None:
        if self._has_begun and number not in {signal.SIGTTIN, signal.SIGTTOU}:
            self.take_terminal()
            self._on_stopped()
        else:
            self._has_begun = True
            self.continue_in_foreground()

    def _call(self, call: Callable[[int], None], number: int) -> None:
        with suppress(RuntimeError):  # the loop has ended
            self._loop.call_soon_threadsafe(call, number)


# A text in a file that only its owner may read, for as long as another program shows it.
#
# A shell waits for the end of this process and then deletes the file, so that no payload stays on the disk after a
# crash.


PREFIX: Final = "trigger-tui-"
DELETE_TIMEOUT_S: Final = 2.0

_DELETE_AT_END: Final = 'read -r _; rm -rf -- "$1"'
"""Waits until the other end of its input is closed. After a crash of this process, the kernel closes it."""


@asynccontextmanager
async def text_file(name: str, make: Callable[[], str]) -> AsyncIterator[Path]:
    """Write what `make` returns to a new file, and delete it at the end of the block. Raises `OSError`.

    A thread makes and writes the text: it may have megabytes.
    """
    folder = Path(tempfile.mkdtemp(prefix=PREFIX))
    deleter: subprocess.Popen[bytes] | None = None
    try:
        environ = {"PATH": os.environ.get("PATH", os.defpath)}
        command = (_SHELL, "-c", _DELETE_AT_END, "sh", str(folder))
        deleter = subprocess.Popen(  # noqa: ASYNC220, S603  a fixed command, the folder is an argument
            command, env=environ, stdin=PIPE, stdout=DEVNULL, stderr=DEVNULL, start_new_session=True
        )
        path = folder / name
        await asyncio.to_thread(_write, path, make)
        yield path
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        if deleter is not None:
            _finish(deleter)


def _write(path: Path, make: Callable[[], str]) -> None:
    text = make().encode("utf-8", "replace")
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:  # noqa: PTH123  a descriptor
        file.write(text)


def _finish(deleter: subprocess.Popen[bytes]) -> None:
    assert deleter.stdin is not None
    with suppress(OSError):
        deleter.stdin.close()
    try:
        deleter.wait(DELETE_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        deleter.kill()
        deleter.wait()
