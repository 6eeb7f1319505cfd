"""Reads the config file again when it changes.

A state of the file counts once it has lasted for a second: an editor may write in several steps, and half a file may
lack what it forbids. A file that cannot be read keeps the settings as they are.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Final, NamedTuple

from tui.session import Session
from tui.settings import ConfigFile, FileState, Settings, with_file
from tui.settings.config_file import read_config, shown_path, state_of
from tui.ui.data.messages import Messages

CHECK_INTERVAL_S: Final = 1.0
READ_TIMEOUT_S: Final = 5.0
"""A slower disk is asked again after the next interval."""

AT_ONCE: Final = {
    "theme": "theme",
    "colors": "colors",
    "interval_s": "interval",
    "timezone": "timezone",
    "read_only": "read_only",
    "read_only_in": "read_only",
    "slow_link": "link",
}
"""The fields of `Settings` that take effect at once, and their keys in the file."""

AT_START: Final = {
    "columns": "columns",
    "keys": "keys",
    "views": "views",
    "commands": "commands",
    "editor": "programs",
    "pager": "programs",
    "dashboard_url": "dashboard",
    "bell": "bell",
}
"""Those that take effect at the next start."""


class SettingsChange(NamedTuple):
    """The settings before and after the config file has changed."""

    before: Settings
    after: Settings

    def keys(self, kinds: Mapping[str, str]) -> list[str]:
        """Return the keys of the file that have other values now."""
        names = [each.name for each in fields(Settings) if each.name in kinds]
        changed = [name for name in names if getattr(self.before, name) != getattr(self.after, name)]
        return list(dict.fromkeys(kinds[name] for name in changed))


class ConfigWatch:
    """Watches the config file of a session that has one, or may get one."""

    def __init__(
        self,
        session: Session,
        environ: Mapping[str, str],
        messages: Messages,
        on_change: Callable[[SettingsChange], None],
    ) -> None:
        file = session.settings.file
        self._session = session
        self._path = Path(file.path or "")
        self._shown = shown_path(self._path, environ)
        self._messages = messages
        self._on_change = on_change
        self._read_state = self._seen_state = file.state
        self._complaints = file.complaints

    async def run(self) -> None:
        """Check the file until canceled."""
        while True:
            await self._session.clock.sleep(CHECK_INTERVAL_S)
            try:
                async with asyncio.timeout(READ_TIMEOUT_S):
                    await self._check()
            except (OSError, TimeoutError):
                continue  # the disk, or a folder above, is not readable now: the settings stay

    async def _check(self) -> None:
        state = await asyncio.to_thread(state_of, self._path)
        is_steady, self._seen_state = state == self._seen_state, state
        if not is_steady or state == self._read_state:
            return
        file = await asyncio.to_thread(read_config, self._path, shown=self._shown)
        if file.state == state or file.values is None:
            self._read_state = state
            self._use(file, state)

    def _use(self, file: ConfigFile, state: FileState) -> None:
        """Take over what can be read, and say what cannot."""
        for complaint in file.complaints:
            if complaint not in self._complaints:
                self._say(f"{complaint}.")
        self._complaints = file.complaints
        if file.values is None:
            if not file.complaints:
                what = "empty" if state.inode else "gone"
                self._say(f"{self._shown} is {what}: its settings stay until the next start.")
            return
        change = SettingsChange(self._session.settings, with_file(self._session.settings, file))
        self._session.change_settings(change.after)
        if now := change.keys(AT_ONCE):
            self._say(f"{self._shown} was read again: {', '.join(now)} changed.")
        if later := change.keys(AT_START):
            verb = "takes" if len(later) == 1 else "take"
            self._say(f"{self._shown}: {', '.join(later)} {verb} effect at the next start.")
        self._on_change(change)

    def _say(self, text: str) -> None:
        self._messages.add(self._session.now(), text)
