"""Small files in the state directory: read within a bound, replaced in one step, changed by one program at a time."""

import asyncio
import errno
import fcntl
import json
import os
import stat
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final, Generic, TypeVar

from tui.text.redaction import HOLDS_KEY

T = TypeVar("T")

DISK_TIMEOUT_S: Final = 5.0
"""A slower disk is given up. What was to be saved may still be."""

MAX_BYTES: Final = 64 * 1024
"""The maximum size of a file of choices. What users choose needs about 1% of it."""

LOCK_TIMEOUT_S: Final = 2.0
_LOCK_CHECK_S: Final = 0.02
_HAS_NO_LOCKS: Final = frozenset({errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS})


def problem_sentence(path: Path, what: str, reason: str) -> str:
    """Return why a file of the state directory is not used.

    If the directory is the reason, the sentence is the same for all files in it, so that it can be shown once.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        if os.access(path.parent, os.R_OK | os.W_OK | os.X_OK):
            return f"{what}: {reason}."
        reason = "it is not accessible to this user"
    except OSError as error:
        reason = "it is not a folder" if error.errno == errno.EEXIST else error.strerror or str(error)
    return f"Nothing is remembered in {path.parent}: {reason}."


def read_own(path: Path, max_bytes: int) -> bytes | None:
    """Return the content of a regular file of this user; None if there is no file. Does not block on a pipe.

    Raises `OSError`, also for a file that is larger.
    """
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode) or status.st_uid != os.geteuid() or status.st_size > max_bytes:
            raise OSError(None, "this program did not write it")
        return os.read(handle, max_bytes)
    finally:
        os.close(handle)


def replace_file(path: Path, content: bytes) -> None:
    """Replace a file in one step, so that no reader sees half of it. Only its owner may read it. Raises `OSError`."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    new = path.with_name(f"{path.name}.{os.getpid()}.new")
    with suppress(FileNotFoundError):
        new.unlink()
    handle = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        new.replace(path)
    except OSError:
        new.unlink(missing_ok=True)
        raise


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock file at a path, so that no other program changes what the lock protects. Call it in a thread.

    Raises `OSError`, also if another program holds it for `LOCK_TIMEOUT_S`. A file system without locks has none.
    """
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK, 0o600)
    try:
        until_s = time.monotonic() + LOCK_TIMEOUT_S
        while not _lock(handle):
            if time.monotonic() > until_s:
                raise OSError(None, "another program is changing it")
            time.sleep(_LOCK_CHECK_S)
        yield
    finally:
        os.close(handle)


def _lock(handle: int) -> bool:
    """Take the lock unless another program has it. Return whether no other program has it."""
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in {errno.EWOULDBLOCK, errno.EAGAIN}:
            return False
        if error.errno not in _HAS_NO_LOCKS:
            raise
    return True


class StateFile(Generic[T]):
    """A small JSON file of choices: filters, columns, commands. A subclass decodes and encodes it.

    * `noun`: what it holds, for sentences
    * `holds_key`: returns whether a text holds a secret; such a text is never saved
    * `failure`: a sentence about the last error, or None
    """

    def __init__(self, path: Path, noun: str, holds_key: Callable[[str], bool]) -> None:
        self.path = path
        self.failure: str | None = None
        self._noun = noun
        self._holds_key = holds_key
        self._lock = asyncio.Lock()

    def decode(self, saved: Any) -> T:
        """Return the value of a decoded file, or that of no file (None).

        Raises `ValueError` or another error of decoding unless this version wrote the file.
        """
        raise NotImplementedError

    def encode(self, value: T) -> dict[str, Any]:
        """Return the content of the file."""
        raise NotImplementedError

    def texts_of(self, value: T) -> Iterable[str]:
        """Return the texts in a value that the user typed."""
        raise NotImplementedError

    async def load(self) -> T:
        """Return the saved choices, or those of no file. A file that cannot be read is reported, and ignored."""
        try:
            async with asyncio.timeout(DISK_TIMEOUT_S):
                return await asyncio.to_thread(self.read)
        except TimeoutError:
            self.failure = f"The saved {self._noun} in {self.path} are ignored: the disk does not answer."
            return self.decode(None)

    async def change(self, change: Callable[[], T]) -> None:
        """Save what a function returns. It is called in a thread, after earlier changes were saved."""
        async with self._lock:
            try:
                async with asyncio.timeout(DISK_TIMEOUT_S):
                    await asyncio.to_thread(lambda: self._write(change()))
            except TimeoutError:
                self.failure = f"The {self._noun} cannot be saved in {self.path}: the disk does not answer."

    def read(self) -> T:
        """Load the file. Call it in a thread."""
        try:
            content = read_own(self.path, MAX_BYTES)
            return self.decode(None if content is None else json.loads(content))
        except OSError as error:
            reason = error.strerror or "it cannot be read"
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError, OverflowError):
            reason = "this version did not write it"
        self.failure = problem_sentence(self.path, f"The saved {self._noun} in {self.path} are ignored", reason)
        return self.decode(None)

    def _write(self, value: T) -> None:
        if any(map(self._holds_key, self.texts_of(value))):
            self.failure = f"The {self._noun} are not saved: {HOLDS_KEY}."
            return
        content = json.dumps(self.encode(value), indent=1) + "\n"
        try:
            replace_file(self.path, content.encode("ascii"))
            self.failure = None
        except OSError as error:
            what, reason = f"The {self._noun} cannot be saved in {self.path}", error.strerror or str(error)
            self.failure = problem_sentence(self.path, what, reason)
