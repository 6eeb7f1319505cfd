"""The commands that were run before, in a file of the state directory.

There is one file for each environment of each API. It holds what the user typed and ran: no payload, and no text with
a key. Two monitors of one environment share it: a save keeps what the other one has added.
"""

import asyncio
import hashlib
import json
import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path, PurePath
from typing import Final, NamedTuple
from urllib.parse import unquote

from tui.ui.data.remembered import MAX_BYTES
from tui.ui.state_files import DISK_TIMEOUT_S, problem_sentence, read_own, replace_file

VERSION: Final = 1
MAX_ENTRIES: Final = 200
MAX_ENTRY_CHARS: Final = 300
"""A longer command is not kept: it was pasted, and may be anything."""

_SECRET: Final = re.compile(
    r"\b(?:tr|sk|pk|rk|gh[a-z]|github_pat|npm|xox[a-z])_\w{3,}|\b(?:sk|glpat|xox[a-z])-[\w-]{12,}"
    r"|\b(?:AKIA|ASIA)[0-9A-Z]{12}|\bey[JA]\w{10,}|\bbearer\b"
    r"|\b(?:password|passwd|secret|api[_-]?key|access[_-]?token)\b\s*[=:]",
    re.IGNORECASE,
)
"""Keys of Trigger.dev and of others, and tokens."""


class HistoryEntry(NamedTuple):
    """A command, and when it was run last, in UTC."""

    at: datetime
    text: str


def may_keep(text: str) -> bool:
    """Return whether a command may be kept: it is short, printable, and contains nothing like a key."""
    return 0 < len(text) <= MAX_ENTRY_CHARS and text.isprintable() and _SECRET.search(unquote(text)) is None


def with_entry(entries: Sequence[HistoryEntry], entry: HistoryEntry) -> tuple[HistoryEntry, ...]:
    """Return the history with one more entry, each command once, oldest first."""
    others = [each for each in entries if each.text != entry.text]
    return (*others, entry)[-MAX_ENTRIES:]


class CommandHistory:
    """Reads and writes the history of one environment. `entries` has the oldest command first."""

    def __init__(self, state_dir: PurePath, *, owner: str, holds_key: Callable[[str], bool] = lambda _: False) -> None:
        """`owner` names the environment: equal names share a file. A text for which `holds_key` is true is not kept."""
        digest = hashlib.sha256(owner.encode(errors="surrogatepass")).hexdigest()
        self.path = Path(state_dir) / f"commands-{digest[:16]}.json"
        self.entries: tuple[HistoryEntry, ...] = ()
        self.is_loaded = False
        self.failure: str | None = None
        self._holds_key = holds_key
        self._unsaved: list[HistoryEntry] = []
        self._lock = asyncio.Lock()

    async def load(self) -> None:
        """Read the file once. A file that cannot be read counts as empty."""
        try:
            async with asyncio.timeout(DISK_TIMEOUT_S):
                read = await asyncio.to_thread(self._read)
        except (OSError, TimeoutError):
            read = ()
        entries = read
        for each in self.entries:  # commands that were run meanwhile
            entries = with_entry(entries, each)
        self.entries, self.is_loaded = entries, True

    def add(self, text: str, at: datetime) -> bool:
        """Add a command to `entries`. Return whether it may be kept, so that `save` has to be called."""
        if not may_keep(text) or self._holds_key(text):
            return False
        entry = HistoryEntry(at.astimezone(UTC), text)
        self.entries = with_entry(self.entries, entry)
        self._unsaved.append(entry)
        return True

    async def save(self) -> None:
        """Write what was added. What another process has added meanwhile is kept."""
        async with self._lock:
            unsaved, self._unsaved = self._unsaved, []
            try:
                async with asyncio.timeout(DISK_TIMEOUT_S):
                    await asyncio.to_thread(self._append, unsaved)
                self.failure = None
            except TimeoutError:
                self.failure = f"The commands cannot be kept in {self.path}: the disk does not answer."
            except OSError as error:
                what, reason = f"The commands cannot be kept in {self.path}", error.strerror or str(error)
                self.failure = problem_sentence(self.path, what, reason)

    def _read(self) -> tuple[HistoryEntry, ...]:
        """Raises `OSError`. A file that this version did not write counts as empty."""
        content = read_own(self.path, MAX_BYTES)
        if content is None:
            return ()
        try:
            saved = json.loads(content)
            if saved["version"] != VERSION:
                return ()
            entries = [HistoryEntry(_moment(at), text) for at, text in saved["commands"] if _is_kept(text)]
        except (ValueError, TypeError, KeyError, RecursionError, OverflowError):
            return ()
        return tuple(entries[-MAX_ENTRIES:])

    def _append(self, added: Sequence[HistoryEntry]) -> None:
        try:
            entries = self._read()
        except OSError:
            entries = ()
        for each in added:
            entries = with_entry(entries, each)
        while len(content := _encoded(entries)) > MAX_BYTES:
            entries = entries[1 + len(entries) // 8 :]
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        replace_file(self.path, content)


def _encoded(entries: Sequence[HistoryEntry]) -> bytes:
    commands = [[each.at.isoformat(timespec="seconds"), each.text] for each in entries]
    return (json.dumps({"version": VERSION, "commands": commands}, indent=1) + "\n").encode("ascii")


def _is_kept(text: object) -> bool:
    return isinstance(text, str) and may_keep(text)


def _moment(text: str) -> datetime:
    """Decode a time with its zone. Raises `ValueError` or `TypeError`."""
    at = datetime.fromisoformat(text)
    if at.utcoffset() is None:
        raise ValueError(text)
    return at.astimezone(UTC)
