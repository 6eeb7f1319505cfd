"""What the screen keeps over restarts: the server's filters and how the list is shown, for each environment.

What lives here: one small JSON file for each environment of each API. It holds names that a person typed, never a key,
never a run. A file that cannot be understood is left out and said, and is written over by the next change.
"""

import asyncio
import hashlib
import json
import os
import stat
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path, PurePath
from typing import Any, Final

from tui.domain.filters import RunFilters, parse_period, period_text
from tui.domain.status import filter_word
from tui.store.server_filter import is_typable

VERSION: Final = 1
LARGEST_BYTES: Final = 64 * 1024
"""Of a file that is read: what a person typed is a hundredth of that."""

_LISTS: Final = ("statuses", "tasks", "tags", "versions", "queues", "machines", "regions")


@dataclass(frozen=True, slots=True)
class Remembered:
    """What is kept. `period` None is the settings' own; `order` is the id of a `store.orders.Order`, None the usual.
    `kept_at` is when the filters were chosen, None where an older version kept them.

    Of the filters their lists are kept: times, a batch and the kind of run are of one moment.
    """

    filters: RunFilters = field(default_factory=RunFilters)
    period: timedelta | None = None
    order: str | None = None
    is_wide: bool = False
    kept_at: datetime | None = None


class Memory:
    """Reads and writes the file of one environment. `trouble` says in words what went wrong last, or is None.

    `environment` is whatever names it: two that share it share the file.
    """

    def __init__(self, state_dir: PurePath, *, api_url: str, environment: str) -> None:
        self._place = {"api": api_url, "environment": environment}
        # Addresses and names of others make no file names: this does, and is the same at every start.
        digest = hashlib.sha256(f"{api_url}\n{environment}".encode(errors="surrogatepass")).hexdigest()
        self.path = Path(state_dir) / f"screen-{digest[:16]}.json"
        self.trouble: str | None = None
        self._wanted: Remembered | None = None
        self._is_writing = False

    async def load(self) -> Remembered:
        """What was kept; the usual where nothing was, or where it cannot be understood."""
        return await asyncio.to_thread(self._load)

    async def save(self, remembered: Remembered) -> None:
        """Keep this from now on. Of several calls at a time the last one counts."""
        self._wanted = remembered
        if self._is_writing:
            return
        self._is_writing = True
        try:
            while self._wanted is not None:
                wanted, self._wanted = self._wanted, None
                await asyncio.to_thread(self._save, wanted)
        finally:
            self._is_writing = False

    def _load(self) -> Remembered:
        try:
            text = _read_own(self.path)
            return Remembered() if text is None else _decoded(text, self._place)
        except OSError as error:
            reason = error.strerror or "it cannot be read"
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError, OverflowError):
            reason = "it is not in the form that this version writes"
        self.trouble = f"The remembered filters in {self.path} are left out: {reason}."
        return Remembered()

    def _save(self, remembered: Remembered) -> None:
        content = json.dumps(self._place | _encoded(remembered), indent=1) + "\n"
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            _write_over(self.path, content.encode("ascii"))
            self.trouble = None
        except OSError as error:
            self.trouble = f"The filters cannot be remembered in {self.path}: {error.strerror}."


def _read_own(path: Path) -> bytes | None:
    """The content of a plain file of ours; None where there is none. Never waits, as opening a pipe would."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        found = os.fstat(handle)
        if not stat.S_ISREG(found.st_mode) or found.st_uid != os.geteuid() or found.st_size > LARGEST_BYTES:
            raise OSError(None, "it is not a file that this program wrote")
        return os.read(handle, LARGEST_BYTES)
    finally:
        os.close(handle)


def _write_over(path: Path, content: bytes) -> None:
    """Write a file that others see whole or not at all, and only its owner at all."""
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


def _encoded(remembered: Remembered) -> dict[str, Any]:
    period = remembered.period
    return {
        "version": VERSION,
        "filters": {name: list(values) for name in _LISTS if (values := getattr(remembered.filters, name))},
        "period": None if period is None else period_text(period),
        "order": remembered.order,
        "wide": remembered.is_wide,
        "kept_at": None if remembered.kept_at is None else remembered.kept_at.isoformat(),
    }


def _decoded(content: bytes, place: Mapping[str, str]) -> Remembered:
    """Raises `ValueError` and its like for what this version would not have written for that place."""
    kept = json.loads(content)
    if kept["version"] != VERSION or any(kept[name] != text for name, text in place.items()):
        raise ValueError
    lists = {name: _values(name, values) for name, values in kept["filters"].items()}
    period, order = kept["period"], kept["order"]
    length = None if period is None else parse_period(period)
    if (length is None) is not (period is None) or not (order is None or isinstance(order, str)):
        raise ValueError
    # Lists by the names of the fields that hold them: replace() cannot know.
    filters = replace(RunFilters(), **lists)  # type: ignore[arg-type]
    return Remembered(filters, length, order, kept["wide"] is True, _moment(kept.get("kept_at")))


def _moment(value: Any) -> datetime | None:
    """A time with its zone; raises `ValueError`, `TypeError` or `OverflowError` for what is none."""
    if value is None:
        return None
    at = datetime.fromisoformat(value)
    if at.utcoffset() is None:
        raise ValueError
    return at.astimezone(UTC)


def _values(name: str, values: Any) -> tuple[Any, ...]:
    """The values of one filter; no text that could not have been typed comes from a file onto the screen."""
    if name not in _LISTS or not isinstance(values, list):
        raise ValueError(name)
    for value in values:
        if not isinstance(value, str) or not is_typable(value):
            raise ValueError(name)
        if name == "statuses" and filter_word(value) != value:
            raise ValueError(name)
    return tuple(values)
