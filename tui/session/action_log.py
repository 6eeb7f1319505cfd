"""The local log of every action: who asked what of which run, when, and what became of it.

It holds no key and no payload. A thread of its own writes it, since a disk may hang: nothing waits for that but the end
of the program, and only for a moment.
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

from tui.domain.action import ActionStatus

FILE_NAME: Final = "actions.jsonl"

MAX_WAITING_LINES: Final = 1_000
"""Lines that wait for a slow disk; what comes on top of them is lost."""

WRITTEN_WITHIN_S: Final = 2.0
"""A disk that has not taken a line by then hangs, and that is said. The disk lives in real time, whatever our clock."""

ENDS_WITHIN_S: Final = 1.0
"""How long the end of the program waits for the last lines."""

MAX_LOCK_TRIES: Final = 50
LOCK_EVERY_S: Final = 0.005
"""How often a locked file is tried again, and how far apart: a line takes less than a millisecond to write."""

_FLAGS: Final = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY
_OWNER_ONLY: Final = 0o600
_OWNER_ONLY_DIRECTORY: Final = 0o700

_WORDS: Final = {
    errno.EEXIST: "its directory is a file",
    errno.ELOOP: "it is a symbolic link",
    errno.ENXIO: "it is no regular file",
    errno.EISDIR: "it is a directory",
}


class ActionLog:
    """Appends to `<state_dir>/actions.jsonl`. `trouble` is why it cannot be written, in words, once that was seen.

    `record` belongs into the event loop, and takes no time there.
    """

    def __init__(
        self,
        state_dir: Path,
        *,
        append: Callable[[Path, bytes], None] | None = None,
        written_within_s: float = WRITTEN_WITHIN_S,
        ends_within_s: float = ENDS_WITHIN_S,
    ) -> None:
        """`append` writes one line to a file, `append_line` unless it is given; it may block and raise `OSError`."""
        self._path = state_dir / FILE_NAME
        self._append = append or append_line
        self._written_within_s = written_within_s
        self._ends_within_s = ends_within_s
        self._entries: queue.Queue[dict[str, str] | None] = queue.Queue(MAX_WAITING_LINES)
        self._thread: threading.Thread | None = None
        self._recorded = self._done = 0
        self._all_done = asyncio.Event()
        self.trouble: str | None = None

    def record(self, status: ActionStatus, *, environment: str | None, api_url: str) -> None:
        """Have one phase of an action appended."""
        loop = asyncio.get_running_loop()
        try:
            self._entries.put_nowait(_entry(status, environment, api_url))
        except queue.Full:
            self._fail("it takes no more")
            return
        self._recorded += 1
        self._all_done.clear()
        loop.call_later(self._written_within_s, self._expect, self._recorded)
        if self._thread is None:
            # A daemon: a write that never returns must not keep the interpreter, which joins all other threads.
            self._thread = threading.Thread(target=self._work, args=(loop,), name="action log", daemon=True)
            self._thread.start()

    async def close(self) -> None:
        """Wait for what was recorded to be written, for a moment; what is not by then is said to be missing."""
        if self._thread is None:
            return
        if self._done < self._recorded:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._ends_within_s):
                    await self._all_done.wait()
        self._expect(self._recorded)
        with suppress(queue.Full):
            self._entries.put_nowait(None)

    def _work(self, loop: asyncio.AbstractEventLoop) -> None:
        by = _user_and_host()  # here: a directory of users on the network may hang like a disk
        while (entry := self._entries.get()) is not None:
            reason: str | None = None
            line = json.dumps({"at": entry.pop("at"), "by": by} | entry) + "\n"
            try:
                self._append(self._path, line.encode("ascii"))
            except OSError as error:
                reason = _WORDS.get(error.errno or 0) or error.strerror or str(error)
            except ValueError as error:  # a path that no file can have
                reason = str(error)
            try:
                loop.call_soon_threadsafe(self._see, reason)
            except RuntimeError:  # the loop was closed, nobody listens any more
                return

    def _see(self, reason: str | None) -> None:
        self._done += 1
        if reason is not None:
            self._fail(reason)
        if self._done == self._recorded:
            self._all_done.set()

    def _expect(self, number: int) -> None:
        if self._done < number:
            self._fail("it does not answer")

    def _fail(self, reason: str) -> None:
        if self.trouble is None:
            self.trouble = f"the action log {self._path} cannot be written: {reason}"


def append_line(path: Path, line: bytes) -> None:
    """Append a line to a regular file that only its owner may read. Raises `OSError`.

    The line is one write to a file opened for appending, so that programs that write at once do not mix their lines.
    """
    _make_directory(path.parent)
    with suppress(FileNotFoundError):
        _check(os.lstat(path))  # opening a device may act on it
    handle = os.open(path, _FLAGS, _OWNER_ONLY)
    try:
        told = os.fstat(handle)
        _check(told)
        if stat.S_IMODE(told.st_mode) != _OWNER_ONLY:
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
    """Keep other sessions from writing until the file is closed; go on without where that takes too long.

    A line that another one is writing may be seen half, and would be taken for one that a crash left.
    """
    for _ in range(MAX_LOCK_TRIES):
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(LOCK_EVERY_S)
        except OSError:  # not every file system has locks
            return
        else:
            return


def _check(told: os.stat_result) -> None:
    if stat.S_ISLNK(told.st_mode):
        raise OSError(errno.ELOOP, _WORDS[errno.ELOOP])
    if stat.S_ISDIR(told.st_mode):
        raise OSError(errno.EISDIR, _WORDS[errno.EISDIR])
    if not stat.S_ISREG(told.st_mode):
        raise OSError(errno.ENXIO, _WORDS[errno.ENXIO])


def _make_directory(path: Path) -> None:
    """Make a directory with those above it, each for its owner alone, as XDG asks; what is there stays as it is."""
    if path.is_dir():
        return
    if path.parent != path:
        _make_directory(path.parent)
    path.mkdir(mode=_OWNER_ONLY_DIRECTORY, exist_ok=True)


def _user_and_host() -> str:
    """Who works where, as well as this machine tells; never fails."""
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


def _iso(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
