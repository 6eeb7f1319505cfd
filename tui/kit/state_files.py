"""Files: small ones in the state directory, changed by one program at a time, and the config file when it changes."""

import asyncio
import errno
import fcntl
import json
import os
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import fields
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Final, Generic, NamedTuple, TypeVar

from tui.settings.file import read_config, state_of
from tui.settings.private_files import read_own, replace_file
from tui.settings.schema import FileSettings, ruled
from tui.settings.settings import ConfigFile, FileState, Settings, locked, with_file
from tui.sync.session import Session
from tui.text.redaction import HOLDS_KEY
from tui.threads import call_detached

if TYPE_CHECKING:
    from tui.kit.live_model import Messages


# Small files in the state directory: read within a bound, replaced in one step, changed by one program at a time.


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
        reason = "you have no access to it"
    except OSError as error:
        reason = "it is not a folder" if error.errno == errno.EEXIST else error.strerror or str(error)
    return f"Nothing can be saved in {path.parent}: {reason}."


@contextmanager
def locked_file(path: Path) -> Iterator[None]:
    """Hold the lock file at a path, so that no other program changes what the lock protects. Call it in a thread.

    Raises `OSError`, also if another program holds it for `LOCK_TIMEOUT_S`. A file system without locks has none.
    """
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
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


def moment(text: str) -> datetime:
    """Decode a time with its zone. Raises `ValueError`, `TypeError` or `OverflowError`."""
    at = datetime.fromisoformat(text)
    if at.utcoffset() is None:
        raise ValueError(text)
    return at.astimezone(UTC)


VERSION: Final = 1
"""The version of all these files. A file of another version is ignored."""

STRANGE: Final = (ValueError, TypeError, KeyError, AttributeError, RecursionError, OverflowError)
"""The errors of decoding a file that another program has written."""


class StateFile(Generic[T]):
    """A small JSON file of choices: filters, columns, commands. A subclass decodes and encodes it.

    * `noun`: what it holds, for sentences
    * `empty`: returns the value of no file
    * `holds_key`: returns whether a text holds a secret; such a text is never saved
    * `failure`: a sentence about the last error, or None
    * `report`: is called with each other failure
    """

    max_bytes: ClassVar[int] = MAX_BYTES

    def __init__(self, path: Path, noun: str, empty: Callable[[], T]) -> None:
        self.path = path
        self._empty = empty
        self.failure: str | None = None
        self._noun = noun
        self.holds_key: Callable[[str], bool] = lambda _: False
        self.report: Callable[[str], None] = lambda _: None
        self._lock = asyncio.Lock()

    def decode(self, saved: Any) -> T:
        """Return the value of a decoded file. Raises `ValueError` or another error of decoding for a strange one."""
        raise NotImplementedError

    def encode(self, value: T) -> dict[str, Any]:
        """Return the content of the file, but for its version."""
        raise NotImplementedError

    def texts_of(self, value: T) -> Iterable[str]:  # noqa: ARG002  for subclasses
        """Return the texts in a value that the user typed."""
        return ()

    def content(self, value: T) -> str:
        """Return the file with a value."""
        return json.dumps({"version": VERSION, **self.encode(value)}, indent=1) + "\n"

    async def load(self) -> T:
        """Return the saved choices, or those of no file. A file that cannot be read is reported, and ignored."""
        try:
            async with asyncio.timeout(DISK_TIMEOUT_S):
                value = await asyncio.to_thread(self.read)
        except TimeoutError:
            self.failure = f"The saved {self._noun} in {self.path} are ignored: the disk does not answer."
            value = self._empty()
        if self.failure is not None:
            self.report(self.failure)
        return value

    async def change(self, change: Callable[[], T]) -> None:
        """Save what a function returns. It is called in a thread, after earlier changes were saved."""
        async with self._lock:
            before = self.failure
            try:
                async with asyncio.timeout(DISK_TIMEOUT_S):
                    await asyncio.to_thread(self._save, change)
            except TimeoutError:
                self.failure = f"The {self._noun} cannot be saved in {self.path}: the disk does not answer."
            if self.failure is not None and self.failure != before:
                self.report(self.failure)

    def read(self) -> T:
        """Load the file, or none if it cannot be read. Call it in a thread."""
        self.failure = None
        try:
            return self.parse()
        except OSError as error:
            reason = error.strerror or "it cannot be read"
        except STRANGE:
            reason = "it was written by another version, or is damaged"
        self.failure = problem_sentence(self.path, f"The saved {self._noun} in {self.path} are ignored", reason)
        return self._empty()

    def parse(self) -> T:
        """Load the file. Raises `OSError`, and one of `STRANGE` for what this version does not write."""
        content = read_own(self.path, self.max_bytes)
        if content is None:
            return self._empty()
        saved = json.loads(content)
        if saved["version"] != VERSION:
            raise ValueError
        return self.decode(saved)

    def lock(self) -> AbstractContextManager[None]:
        """Return what is held while the file is changed. Raises `OSError` if another program holds it."""
        return nullcontext()

    def _save(self, change: Callable[[], T]) -> None:
        try:
            with self.lock():
                value = change()
                if any(map(self.holds_key, self.texts_of(value))):
                    self.failure = f"The {self._noun} are not saved: {HOLDS_KEY}."
                    return
                replace_file(self.path, self.content(value).encode("ascii"))
            self.failure = None
        except OSError as error:
            what, reason = f"The {self._noun} cannot be saved in {self.path}", error.strerror or str(error)
            self.failure = problem_sentence(self.path, what, reason)


# Reads the config file again when it changes.
#
# A state of the file counts once it has lasted for a second: an editor may write in several steps, and half a file may
# lack what it forbids. A file that cannot be read keeps the settings as they are, but for one with a wrong line and
# settings about read-only: then nothing may be written.


CHECK_INTERVAL_S: Final = 2.0
STEADY_AFTER_S: Final = 1.0
"""A state that is new is looked at again after this."""

READ_TIMEOUT_S: Final = 5.0
"""After that the watch waits for the next interval. A disk that hangs is not asked again: it has one thread."""


class SettingsChange(NamedTuple):
    """The settings before and after the config file has changed."""

    before: Settings
    after: Settings

    def of_file(self, *, at_start: bool) -> list[str]:
        """Return the settings of the file that have other values now, and take effect then."""
        return [
            each.name
            for each in fields(FileSettings)
            if ruled(each.type)[1].at_start is at_start
            and getattr(self.before, each.name) != getattr(self.after, each.name)
        ]


class ConfigWatch:
    """Watches the config file of a session that has one, or may get one."""

    def __init__(
        self,
        session: Session,
        messages: "Messages",
        checked: Callable[[ConfigFile], ConfigFile],
        on_change: Callable[[SettingsChange], None],
    ) -> None:
        """`checked` leaves out the keys that no binding may have. Another thread calls it."""
        file = session.settings.file
        self._session = session
        self._path = Path(file.path or "")
        self._shown = file.shown
        self._messages = messages
        self._checked = checked
        self._on_change = on_change
        self._read_state = self._seen_state = file.state
        self._complaints = file.complaints
        self._looking: asyncio.Future[tuple[FileState, ConfigFile | None] | None] | None = None

    async def run(self) -> None:
        """Check the file until canceled."""
        while True:
            is_steady = self._seen_state == self._read_state
            await self._session.clock.sleep(CHECK_INTERVAL_S if is_steady else STEADY_AFTER_S)
            await self._check()

    async def _check(self) -> None:
        if self._looking is None:
            self._looking = asyncio.wrap_future(call_detached("config file", self._look))
        await asyncio.wait({self._looking}, timeout=READ_TIMEOUT_S)
        if not self._looking.done():
            return
        look, self._looking = self._looking.result(), None
        if look is None:
            return  # the disk, or a folder above, is not readable now: the settings stay
        self._seen_state, file = look
        if file is not None and (file.state == self._seen_state or not file.is_read):
            self._read_state = self._seen_state
            self._use(file, self._seen_state)

    def _look(self) -> tuple[FileState, ConfigFile | None] | None:
        """Return the state of the file, and its content if that state is new and steady. Another thread calls this."""
        try:
            state = state_of(self._path)
        except OSError:
            return None
        is_due = state == self._seen_state != self._read_state
        return state, self._checked(read_config(self._path, shown=self._shown)) if is_due else None

    def _use(self, file: ConfigFile, state: FileState) -> None:
        """Take over what can be read, and say what cannot."""
        for complaint in file.complaints:
            if complaint not in self._complaints:
                self._say(f"{complaint}.")
        self._complaints = file.complaints
        if not file.is_read:
            if not file.complaints:
                what = "empty" if state else "gone"
                self._say(f"{self._shown} is {what}: its settings stay until the next start.")
            if file.is_locked:
                self._change(locked(self._session.settings))
            return
        self._change(with_file(self._session.settings, file))

    def _change(self, settings: Settings) -> None:
        change = SettingsChange(self._session.settings, settings)
        self._session.change_settings(change.after)
        if now := change.of_file(at_start=False):
            self._say(f"{self._shown} was read again: {', '.join(now)} changed.")
        if later := change.of_file(at_start=True):
            verb = "takes" if len(later) == 1 else "take"
            self._say(f"{self._shown}: {', '.join(later)} {verb} effect at the next start.")
        self._on_change(change)

    def _say(self, text: str) -> None:
        self._messages.add(self._session.now(), text)
