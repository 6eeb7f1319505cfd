"""Reads the config file again when it changes.

A state of the file counts once it has lasted for a second: an editor may write in several steps, and half a file may
lack what it forbids. A file that cannot be read keeps the settings as they are, but for one with a wrong line and
settings about read-only: then nothing may be written.
"""

import asyncio
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Final, NamedTuple

from tui.kit.messages import Messages
from tui.settings.file import read_config, state_of
from tui.settings.schema import FileSettings, ruled
from tui.settings.settings import ConfigFile, FileState, Settings, locked, with_file
from tui.sync.session import Session
from tui.threads import call_detached

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

    def __init__(self, session: Session, messages: Messages, on_change: Callable[[SettingsChange], None]) -> None:
        file = session.settings.file
        self._session = session
        self._path = Path(file.path or "")
        self._shown = file.shown
        self._messages = messages
        self._on_change = on_change
        self._read_state = self._seen_state = file.state
        self._complaints = file.complaints
        self._looking: asyncio.Future[_Look | None] | None = None

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
        self._seen_state = look.state
        if look.file is not None and (look.file.state == look.state or not look.file.is_read):
            self._read_state = look.state
            self._use(look.file, look.state)

    def _look(self) -> "_Look | None":
        """Look at the file, and read it if its state is new and steady. Another thread calls this."""
        try:
            state = state_of(self._path)
        except OSError:
            return None
        is_due = state == self._seen_state != self._read_state
        return _Look(state, read_config(self._path, shown=self._shown) if is_due else None)

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


class _Look(NamedTuple):
    """The state of the file, and its content if it was read."""

    state: FileState
    file: ConfigFile | None
