"""Saves the server's filters and the arrangement of the list for the next start.

There is one small JSON file for each environment of each API. It holds names that the user typed, never a key or a run.
A file that cannot be decoded is reported, ignored, and replaced by the next save.
"""

import asyncio
import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path, PurePath
from typing import Any, Final

from tui.domain.filters import RunFilters, parse_period, period_text
from tui.domain.status import filter_word
from tui.lazy_dataclass import dataclass
from tui.present.redaction import HOLDS_KEY
from tui.store.server_filter import is_typable
from tui.ui.state_files import DISK_TIMEOUT_S, problem_sentence, read_own, replace_file

VERSION: Final = 1
MAX_BYTES: Final = 64 * 1024
"""The maximum size of a file that is read. Typed filters need about 1% of it."""

_LISTS: Final = ("statuses", "tasks", "tags", "versions", "queues", "machines", "regions")


@dataclass(frozen=True, slots=True)
class Remembered:
    """The saved choices.

    * `filters`: only their lists are saved; times, a batch and the kind of run do not outlive a session
    * `period`: how far back runs are shown; None: the period of the settings
    * `order`: the id of a `store.orders.Order`; None: the default order
    * `is_wide`: whether the list shows whole run ids or more columns
    * `chosen_at`: when the filters were chosen; None in files of older versions
    """

    filters: RunFilters = field(default_factory=RunFilters)
    period: timedelta | None = None
    order: str | None = None
    is_wide: bool = False
    chosen_at: datetime | None = None


class FilterFile:
    """Reads and writes the file of one environment.

    `failure` is a sentence about the last error, or None. `environment` is any name: equal names share a file.
    """

    def __init__(
        self,
        state_dir: PurePath,
        *,
        api_url: str,
        environment: str,
        holds_key: Callable[[str], bool] = lambda _: False,
    ) -> None:
        self._owner = {"api": api_url, "environment": environment}
        # Not every URL or name can be a file name. A digest can, and is the same at every start.
        digest = hashlib.sha256(f"{api_url}\n{environment}".encode(errors="surrogatepass")).hexdigest()
        self.path = Path(state_dir) / f"screen-{digest[:16]}.json"
        self.failure: str | None = None
        self._holds_key = holds_key
        self._unsaved: Remembered | None = None
        self._is_writing = False

    async def load(self) -> Remembered:
        """Return the saved choices; the defaults if there are none or the file cannot be decoded."""
        try:
            async with asyncio.timeout(DISK_TIMEOUT_S):
                return await asyncio.to_thread(self._load)
        except TimeoutError:
            self.failure = f"The saved filters in {self.path} are ignored: the disk does not answer."
            return Remembered()

    async def save(self, remembered: Remembered) -> None:
        """Save the choices. Of the calls during a save, only the last one takes effect."""
        self._unsaved = remembered
        if self._is_writing:
            return
        self._is_writing = True
        try:
            while self._unsaved is not None:
                unsaved, self._unsaved = self._unsaved, None
                await asyncio.to_thread(self._save, unsaved)
        finally:
            self._is_writing = False

    def _load(self) -> Remembered:
        try:
            content = read_own(self.path, MAX_BYTES)
            return Remembered() if content is None else _decode(content, self._owner)
        except OSError as error:
            reason = error.strerror or "it cannot be read"
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError, OverflowError):
            reason = "this version did not write it"
        self.failure = problem_sentence(self.path, f"The saved filters in {self.path} are ignored", reason)
        return Remembered()

    def _save(self, remembered: Remembered) -> None:
        encoded = _encode(remembered)
        if any(self._holds_key(value) for values in encoded["filters"].values() for value in values):
            self.failure = f"The filters are not saved: {HOLDS_KEY}."
            return
        content = json.dumps(self._owner | encoded, indent=1) + "\n"
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            replace_file(self.path, content.encode("ascii"))
            self.failure = None
        except OSError as error:
            what, reason = f"The filters cannot be saved in {self.path}", error.strerror or str(error)
            self.failure = problem_sentence(self.path, what, reason)


def _encode(remembered: Remembered) -> dict[str, Any]:
    # A span of time is over at the next start, and its period was made for it.
    period = remembered.period if remembered.filters.created_from is None else None
    return {
        "version": VERSION,
        "filters": {name: list(values) for name in _LISTS if (values := getattr(remembered.filters, name))},
        "period": None if period is None else period_text(period),
        "order": remembered.order,
        "wide": remembered.is_wide,
        "kept_at": None if remembered.chosen_at is None else remembered.chosen_at.isoformat(),
    }


def _decode(content: bytes, owner: Mapping[str, str]) -> Remembered:
    """Raises `ValueError` or another error of decoding unless this version wrote the file for that owner."""
    saved = json.loads(content)
    if saved["version"] != VERSION or any(saved[name] != text for name, text in owner.items()):
        raise ValueError
    lists = {name: _values(name, values) for name, values in saved["filters"].items()}
    period, order = saved["period"], saved["order"]
    length = None if period is None else parse_period(period)
    if (length is None) is not (period is None) or not (order is None or isinstance(order, str)):
        raise ValueError
    # mypy cannot know the types of fields that are given by name.
    filters = replace(RunFilters(), **lists)  # type: ignore[arg-type]
    return Remembered(filters, length, order, saved["wide"] is True, _moment(saved.get("kept_at")))


def _moment(value: Any) -> datetime | None:
    """Decode a time with its zone. Raises `ValueError`, `TypeError` or `OverflowError`."""
    if value is None:
        return None
    at = datetime.fromisoformat(value)
    if at.utcoffset() is None:
        raise ValueError
    return at.astimezone(UTC)


def _values(name: str, values: Any) -> tuple[Any, ...]:
    """Decode the values of one filter. Raises `ValueError` for a text that the user could not have typed."""
    if name not in _LISTS or not isinstance(values, list):
        raise ValueError(name)
    for value in values:
        if not isinstance(value, str) or not is_typable(value):
            raise ValueError(name)
        if name == "statuses" and filter_word(value) != value:
            raise ValueError(name)
    return tuple(values)
