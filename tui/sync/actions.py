"""Sends one action for one run and verifies its effect: the interlock, the runner, and the log."""

import asyncio
import errno
import fcntl
import getpass
import json
import math
import os
import pwd
import queue
import socket
import stat
import threading
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tui.api.actions import Action
from tui.api.errors import ApiError, NotFound, Refused, ServerFault, Unreachable
from tui.domain.action import ActionPhase, ActionStatus, CommandEvent
from tui.domain.run import Environment, Run, RunId
from tui.domain.text import Raw, clean
from tui.domain.update import EnvironmentRead, RunsRead, Update
from tui.lazy_dataclass import dataclass
from tui.store.merge import merge
from tui.sync.clock import Clock
from tui.sync.reads import Priority

if TYPE_CHECKING:
    from tui.sync.fetch import RunFetcher


# The local log of actions: when, by which user, on which run, and with which outcome.
#
# The log contains no key and no payload. A daemon thread writes it, since a write may hang. Only `close` waits for that
# thread, for at most CLOSE_TIMEOUT_S.


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

_REASONS: Final = {
    errno.EEXIST: "its directory is a file",
    errno.ELOOP: "it is a symbolic link",
    errno.ENXIO: "it is not a regular file",
    errno.EISDIR: "it is a directory",
}


class ActionLog:
    """Appends to `<state_dir>/actions.jsonl`. `record` never blocks the event loop.

    `failure` is a sentence with the reason of the first failure; None: there was none. `cut` removes keys from a text.
    """

    def __init__(self, state_dir: Path, cut: Callable[[str], str]) -> None:
        self._path, self._cut = state_dir / FILE_NAME, cut
        self._entries: queue.Queue[dict[str, str] | None] = queue.Queue(MAX_WAITING_LINES)
        self._thread: threading.Thread | None = None
        self._recorded = self._written = 0
        self._all_written = asyncio.Event()
        self.failure: str | None = None

    def record(self, event: ActionStatus | CommandEvent, *, environment: str | None, api_url: str) -> None:
        """Queue a line for one phase of an action, or for the start or the end of a command of one's own."""
        loop = asyncio.get_running_loop()
        entry = {"at": event.at.isoformat(timespec="milliseconds").replace("+00:00", "Z")}
        entry |= {"via": event.via.value, "api": api_url, "env": environment or "unknown"} | _details(event)
        try:
            self._entries.put_nowait({name: self._cut(text) for name, text in entry.items()})
        except queue.Full:
            self._fail("the disk is too slow")
            return
        self._recorded += 1
        self._all_written.clear()
        loop.call_later(WRITE_TIMEOUT_S, self._check_written, self._recorded)
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
                async with asyncio.timeout(CLOSE_TIMEOUT_S):
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
                append_line(self._path, line.encode("ascii"))
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

    Without a lock, we may take the unfinished line of another session for one that a crash left, and start a new line
    in the middle of it.
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
    if not stat.S_ISREG(mode := status.st_mode):
        code = errno.ELOOP if stat.S_ISLNK(mode) else errno.EISDIR if stat.S_ISDIR(mode) else errno.ENXIO
        raise OSError(code, _REASONS[code])


def _make_directory(path: Path) -> None:
    """Create a directory and its missing parents, accessible only to the owner, as the XDG specification requires."""
    if path.is_dir():
        return
    if path.parent != path:
        _make_directory(path.parent)
    path.mkdir(mode=0o700, exist_ok=True)


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


def _details(event: ActionStatus | CommandEvent) -> dict[str, str]:
    """Return what was done to what, and how it ended. A command's arguments and output are not recorded."""
    if isinstance(event, CommandEvent):
        code, details = event.exit_code, {"action": "command", "command": event.name, "subject": event.subject}
        return details | ({"phase": "started"} if code is None else {"phase": "ended", "exitCode": str(code)})
    details = {"action": event.action, "subject": event.run_id, "phase": event.phase.value}
    more = {"message": event.message, "newRun": event.new_run_id or ""}
    return details | {name: text for name, text in more.items() if text}


# Blocks actions in the wrong environment.
#
# The interlock learns the environment from the session's updates. It never lifts a block: the user has to restart the
# program.


class Interlock:
    """Blocks every action if the environment is not the expected one, or if it changes during the session."""

    def __init__(self, expect_env: str | None) -> None:
        self._expected = expect_env
        self._first: Environment | None = None
        self._row_name: Raw | None = None
        self._reason: str | None = None
        self._is_checked = False
        self._is_known = False

    def observe(self, update: Update) -> None:
        """Check the environment, if the update names it."""
        if isinstance(update, EnvironmentRead):
            self._is_known = update.environment is not None
            if update.environment is not None:
                self._check_environment(update.environment)
        elif isinstance(update, RunsRead):
            for patch in update.patches:
                if patch.fixed is not None and patch.fixed.environment is not None:
                    self._check_row(patch.fixed.environment)

    @property
    def reason(self) -> str | None:
        """Why no action may be sent, or None."""
        if self._reason is None and self._expected is not None and not self._is_checked:
            return f"the environment is unknown, and --expect-env {self._expected} was given"
        return self._reason

    @property
    def name(self) -> str | None:
        """The environment's name, or None while it is unknown."""
        name = self._first.slug if self._first is not None else self._row_name
        return None if name is None else clean(name)

    @property
    def is_production(self) -> bool:
        """Whether the environment is of type PRODUCTION. An unknown one counts as production."""
        return not self._is_known or self._first is None or self._first.is_production

    def _check_environment(self, environment: Environment) -> None:
        if self._first is None:
            self._first = environment
        elif environment != self._first:
            now, before = environment.slug, self._first.slug
            if now == before:
                now, before = (Raw(f"{each.project}/{each.slug}") for each in (environment, self._first))
            self._block(f"the key now belongs to {clean(now)}; it belonged to {clean(before)}")
        self._check_expected(environment.slug)
        self._compare_sources()

    def _check_row(self, name: Raw) -> None:
        if self._row_name is None:
            self._row_name = name
            if self._first is None:
                self._check_expected(name)
        elif name != self._row_name:
            self._block(f"the server now sends runs of {clean(name)}; it sent runs of {clean(self._row_name)}")
        self._compare_sources()

    def _check_expected(self, name: Raw) -> None:
        self._is_checked = True
        if self._expected not in {None, name}:
            self._block(f"this is {clean(name)}, not the expected {self._expected}")

    def _compare_sources(self) -> None:
        """Compare the name in the rows with the slug of `whoami`, which are equal in recordings 011 and 802."""
        if self._first is not None and self._row_name is not None and self._row_name != self._first.slug:
            self._block(f"the key belongs to {clean(self._first.slug)}, but its runs belong to {clean(self._row_name)}")

    def _block(self, reason: str) -> None:
        if self._reason is None:
            self._reason = reason


# Sends one action for one run, and verifies its effect by reading the run again.
#
# A response of 200 does not prove that a run was canceled, and a lost response does not prove that it was not. The
# runner reads the run several times, until it shows the outcome. If it never does, the outcome is unknown.
# Source: tests/wire/recordings/README.md §7.


VERIFY_WAITS_S = (0.0, 0.3, 0.7, 1.0, 2.0, 3.0, 5.0)
"""Waits before the reads that follow an action.

The run shows a cancel at once, its children within 0.3 s (recordings 430-433).
"""

REDIRECTED = 3
"""The first digit of a status that redirects. Such an action is not sent again (`api.connection`)."""

MAX_READ_AGE = timedelta(seconds=5)
"""A run that was read longer ago is read again before the request: it may have ended since."""

MAX_READS_BEFORE = 5
"""The run is read at most this often before the request. Then the request is sent, however old the last read is."""


class _Blocked(Exception):
    """The request must not be sent; the text is the reason."""


class _Stale(Exception):
    """The budget delayed the request, and the run was read too long ago to compare it with later reads."""


@dataclass(eq=False)
class ActionRunner:
    """Sends one action for one run, `_before` as it was last read, and verifies its effect.

    `block` returns why nothing may be sent, or None. It is called first, and again just before the request, which may
    have waited for minutes after a 429. `publish` receives every phase in order. A task that is canceled cannot publish
    any more: `record` receives its outcome. `on_refused` receives what the server refused.
    """

    _fetcher: "RunFetcher"
    _clock: Clock
    _action: Action
    _before: Run
    _status: ActionStatus
    block: Callable[[Action], str | None]
    publish: Callable[[ActionStatus], Awaitable[None]]
    record: Callable[[ActionStatus], None]
    on_refused: Callable[[Action, Refused], None]
    _read_s: float = math.inf
    """When `before` was read, by the monotonic clock. With infinity, its age is not checked."""
    _is_sent: bool = False

    async def perform(self) -> ActionStatus:
        """Send the action, and return its outcome. Never raises `ApiError`."""
        if (reason := self.block(self._action) or self._action.forbidden(self._before)) is not None:
            return await self._publish_phase(ActionPhase.REFUSED, reason)
        try:
            return await self._send_and_verify()
        except asyncio.CancelledError:
            if self._is_sent:
                phase, why = ActionPhase.UNKNOWN, "the program ended before the outcome was known"
            else:
                phase, why = ActionPhase.REFUSED, "not sent: the program ended first"
            self.record(replace(self._status, phase=phase, at=self._fetcher.now(), message=why))
            raise

    async def _send_and_verify(self) -> ActionStatus:
        run_id = self._before.id
        key = (self._action.id, run_id, self._status.number)
        for tries_left in reversed(range(MAX_READS_BEFORE)):
            await self._refresh()
            if (forbidden := self._action.forbidden(self._before)) is not None:
                if self._before.is_final:
                    return await self._publish_phase(ActionPhase.FINISHED_FIRST, self._before.status_title)
                return await self._publish_phase(ActionPhase.REFUSED, forbidden)
            if not tries_left:
                self._read_s = math.inf  # its age is not checked any more
            try:
                target = await self._fetcher.budget.request(key, Priority.ACTION, self._send)
                break
            except _Stale:
                continue
            except _Blocked as error:
                return await self._publish_phase(ActionPhase.REFUSED, str(error))
            except ApiError as error:
                if isinstance(error, Refused):
                    self.on_refused(self._action, error)
                if not error.may_have_arrived:
                    message = f"not sent: {error}" if isinstance(error, Unreachable) else str(error)
                    return await self._publish_phase(ActionPhase.REFUSED, message)
                return await self._after_lost_response(error)
        self._status = replace(self._status, new_run_id=target if target != run_id else None)
        await self._publish_phase(ActionPhase.ACCEPTED)
        return await self._verify(target, "accepted")

    async def _send(self) -> RunId:
        """Check the guards once more, and send the request. Raises `_Blocked`, `_Stale` and `ApiError`."""
        if (reason := self.block(self._action)) is not None:
            raise _Blocked(reason)
        if self._fetcher.lists is None:
            raise _Blocked("cancel and replay do not work through a relay")
        if self._clock.monotonic_s() - self._read_s > MAX_READ_AGE.total_seconds():
            raise _Stale

        async def on_written() -> None:
            if not self._is_sent:  # a retry after a 429 calls this again
                self._is_sent = True
                await self.publish(replace(self._status, at=self._fetcher.now()))

        return await self._action.perform(self._fetcher.lists, self._before.id, on_written)

    async def _refresh(self) -> None:
        """Read the run, unless it was read recently. If the read fails, use the run in the store."""
        before = self._before
        is_fresh = before.read_at is not None and self._fetcher.now() - before.read_at <= MAX_READ_AGE
        if is_fresh and not self._action.reads_first:
            return
        try:
            response = await self._fetcher.fetch_run(before.id, Priority.ACTION)
        except ApiError:
            self._before, self._read_s = self._fetcher.known(before.id) or before, math.inf
        else:
            self._before, self._read_s = merge(before, response.patch), self._clock.monotonic_s()

    async def _after_lost_response(self, error: ApiError) -> ActionStatus:
        """Return the outcome of a request that may have taken effect.

        A cancel can be verified by reading the run; a replay cannot, since the id of its new run is lost.
        """
        is_redirect = isinstance(error, ServerFault) and error.status // 100 == REDIRECTED
        fact = "the server redirected the request; the outcome is not known" if is_redirect else "the server failed"
        context = f"{'no response arrived' if isinstance(error, Unreachable) else fact} ({error})"
        if not self._action.is_idempotent:
            return await self._publish_phase(ActionPhase.UNKNOWN, f"{context}: look for a new run before you try again")
        return await self._verify(self._before.id, context)

    async def _verify(self, target: RunId, context: str) -> ActionStatus:
        observed = "the run could not be read after the action"
        for wait_s in VERIFY_WAITS_S:
            await self._clock.sleep(wait_s)
            try:
                response = await self._fetcher.fetch_run(target, Priority.ACTION)
            except NotFound:
                observed = "the server does not know the run"
            except ApiError as error:
                observed = f"the run could not be read after the action: {error}"
            else:
                after = merge(None, response.patch)
                if (phase := self._action.verdict(self._before, after)) is not None:
                    title = after.status_title if phase is ActionPhase.FINISHED_FIRST else ""
                    return await self._publish_phase(phase, title)
                observed = f"the run is still {after.status_title}"
        return await self._publish_phase(ActionPhase.UNKNOWN, f"{context}, but {observed}")

    async def _publish_phase(self, phase: ActionPhase, message: str = "") -> ActionStatus:
        """Publish a phase. Every phase but ACCEPTED ends the action."""
        self._status = replace(self._status, phase=phase, at=self._fetcher.now(), message=message)
        await self.publish(self._status)
        return self._status
