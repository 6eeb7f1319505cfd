"""The local log of actions: when, by which user, on which run, and with which outcome.

The log contains no key and no payload. A daemon thread writes it, since a write may hang. Only `close` waits for that
thread, for at most CLOSE_TIMEOUT_S.
"""

import asyncio
import errno
import fcntl
import getpass
import json
import os
import pwd
import queue
import socket
import stat
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Final

from tui.domain.action import ActionStatus, CommandEvent

FILE_NAME: Final = "actions.jsonl"

MAX_WAITING_LINES: Final = 1_000
"""Lines that may wait for a slow disk. More are lost, and that is reported."""

WRITE_TIMEOUT_S: Final = 2.0
"""A line that takes longer is reported as a disk that does not respond. Measured by the event loop's clock."""

CLOSE_TIMEOUT_S: Final = 1.0
"""How long the end of the session waits for the last lines."""

MAX_LOCK_TRIES: Final = 50
LOCK_RETRY_S: Final = 0.005
"""Between two tries to lock the file, which another session holds for less than a millisecond."""

_FLAGS: Final = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY
_OWNER_ONLY: Final = 0o600
_OWNER_ONLY_DIRECTORY: Final = 0o700

_REASONS: Final = {
    errno.EEXIST: "its directory is a file",
    errno.ELOOP: "it is a symbolic link",
    errno.ENXIO: "it is not a regular file",
    errno.EISDIR: "it is a directory",
}


class ActionLog:
    """Appends to `<state_dir>/actions.jsonl`. `record` never blocks the event loop.

    `failure` is a sentence with the reason of the first failure; None: there was none.
    """

    def __init__(
        self,
        state_dir: Path,
        cut: Callable[[str], str] = lambda text: text,
        *,
        append: Callable[[Path, bytes], None] | None = None,
        write_timeout_s: float = WRITE_TIMEOUT_S,
        close_timeout_s: float = CLOSE_TIMEOUT_S,
    ) -> None:
        """`cut` removes keys from a text. `append` writes one line to a file; it may block, and raise `OSError`."""
        self._path = state_dir / FILE_NAME
        self._cut = cut
        self._append = append or append_line
        self._write_timeout_s = write_timeout_s
        self._close_timeout_s = close_timeout_s
        self._entries: queue.Queue[dict[str, str] | None] = queue.Queue(MAX_WAITING_LINES)
        self._thread: threading.Thread | None = None
        self._recorded = self._written = 0
        self._all_written = asyncio.Event()
        self.failure: str | None = None

    def record(self, status: ActionStatus, *, environment: str | None, api_url: str) -> None:
        """Queue a line for one phase of an action."""
        self._put(_entry(status, environment, api_url))

    def record_command(self, event: CommandEvent, *, environment: str | None, api_url: str) -> None:
        """Queue a line for the start or the end of a command of one's own."""
        self._put(_entry_of_command(event, environment, api_url))

    def _put(self, entry: dict[str, str]) -> None:
        loop = asyncio.get_running_loop()
        try:
            self._entries.put_nowait({name: self._cut(text) for name, text in entry.items()})
        except queue.Full:
            self._fail("the disk is too slow")
            return
        self._recorded += 1
        self._all_written.clear()
        loop.call_later(self._write_timeout_s, self._check_written, self._recorded)
        if self._thread is None:
            # A daemon: at exit the interpreter joins all other threads, and a write that never returns would block it.
            self._thread = threading.Thread(target=self._write_entries, args=(loop,), name="action log", daemon=True)
            self._thread.start()

    async def close(self) -> None:
        """Wait for the last lines. Set `failure` if they are not written in time."""
        if self._thread is None:
            return
        if self._written < self._recorded:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._close_timeout_s):
                    await self._all_written.wait()
        self._check_written(self._recorded)
        with suppress(queue.Full):
            self._entries.put_nowait(None)

    def _write_entries(self, loop: asyncio.AbstractEventLoop) -> None:
        by = _user_and_host()  # in this thread, since a lookup of the user over the network may hang too
        while (entry := self._entries.get()) is not None:
            reason: str | None = None
            line = json.dumps({"at": entry.pop("at"), "by": by} | entry) + "\n"
            try:
                self._append(self._path, line.encode("ascii"))
            except OSError as error:
                reason = _REASONS.get(error.errno or 0) or error.strerror or str(error)
            except ValueError as error:  # an invalid path
                reason = str(error)
            try:
                loop.call_soon_threadsafe(self._on_written, reason)
            except RuntimeError:  # the loop was closed
                return

    def _on_written(self, reason: str | None) -> None:
        self._written += 1
        if reason is not None:
            self._fail(reason)
        if self._written == self._recorded:
            self._all_written.set()

    def _check_written(self, number: int) -> None:
        if self._written < number:
            self._fail("the disk does not respond")

    def _fail(self, reason: str) -> None:
        if self.failure is None:
            self.failure = f"the action log {self._path} cannot be written: {reason}"


def append_line(path: Path, line: bytes) -> None:
    """Append a line to a regular file that only its owner may read. Raises `OSError`.

    A lock and append mode keep the lines of several sessions apart.
    """
    _make_directory(path.parent)
    with suppress(FileNotFoundError):
        _check(os.lstat(path))  # opening a device may act on it
    handle = os.open(path, _FLAGS, _OWNER_ONLY)
    try:
        status = os.fstat(handle)
        _check(status)
        if stat.S_IMODE(status.st_mode) != _OWNER_ONLY:
            os.fchmod(handle, _OWNER_ONLY)
        _lock(handle)
        size = os.fstat(handle).st_size
        if size and os.pread(handle, 1, size - 1) != b"\n":
            line = b"\n" + line  # a full disk or a crash left half a line
        left = memoryview(line)
        while left:
            left = left[os.write(handle, left) :]
    finally:
        os.close(handle)


def _lock(handle: int) -> None:
    """Lock the file until it is closed. Continue without a lock if that takes too long or is not supported.

    Without a lock, the half-written line of another session looks like one that a crash left.
    """
    for _ in range(MAX_LOCK_TRIES):
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(LOCK_RETRY_S)
        except OSError:  # not every file system has locks
            return
        else:
            return


def _check(status: os.stat_result) -> None:
    if stat.S_ISLNK(status.st_mode):
        raise OSError(errno.ELOOP, _REASONS[errno.ELOOP])
    if stat.S_ISDIR(status.st_mode):
        raise OSError(errno.EISDIR, _REASONS[errno.EISDIR])
    if not stat.S_ISREG(status.st_mode):
        raise OSError(errno.ENXIO, _REASONS[errno.ENXIO])


def _make_directory(path: Path) -> None:
    """Create a directory and its missing parents, accessible only to the owner, as the XDG specification requires."""
    if path.is_dir():
        return
    if path.parent != path:
        _make_directory(path.parent)
    path.mkdir(mode=_OWNER_ONLY_DIRECTORY, exist_ok=True)


def _user_and_host() -> str:
    """Return `user@host`, as far as this machine knows them. Never fails."""
    user, host = str(os.getuid()), "unknown"
    try:
        user = pwd.getpwuid(os.getuid()).pw_name
    except (KeyError, OSError):  # a container's user often has no entry
        with suppress(KeyError, OSError, ImportError):
            user = getpass.getuser()
    with suppress(OSError, UnicodeError):
        host = socket.gethostname() or host
    return f"{user}@{host}"


def _entry(status: ActionStatus, environment: str | None, api_url: str) -> dict[str, str]:
    entry = {
        "at": _iso(status.at),
        "via": status.via.value,
        "api": api_url,
        "env": environment or "unknown",
        "action": status.action,
        "subject": status.run_id,
        "phase": status.phase.value,
    }
    if status.message:
        entry["message"] = status.message
    if status.new_run_id is not None:
        entry["newRun"] = status.new_run_id
    return entry


def _entry_of_command(event: CommandEvent, environment: str | None, api_url: str) -> dict[str, str]:
    """Return what ran, on what, and how it ended: neither its arguments nor its output."""
    entry = {
        "at": _iso(event.at),
        "via": event.via.value,
        "api": api_url,
        "env": environment or "unknown",
        "action": "command",
        "command": event.name,
        "subject": event.subject,
        "phase": "started" if event.exit_code is None else "ended",
    }
    return entry if event.exit_code is None else entry | {"exitCode": str(event.exit_code)}


def _iso(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
