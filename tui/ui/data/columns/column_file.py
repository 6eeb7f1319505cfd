"""Saves the columns that the user chose, for the lists of all environments.

One small JSON file holds a set of columns for each view. A view that is absent shows those of the config file, or the
program's own.
"""

import asyncio
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from tui.present.own_columns.choice import AUTO, MAX_COLUMN_CELLS, ColumnChoice, ColumnSet, without_duplicates
from tui.present.own_columns.of_settings import VIEWS, problem_in
from tui.present.redaction import HOLDS_KEY
from tui.ui.data.remembered import MAX_BYTES
from tui.ui.state_files import DISK_TIMEOUT_S, problem_sentence, read_own, replace_file

VERSION: Final = 1


class ColumnFile:
    """Reads and writes the file. `failure` is a sentence about the last error, or None."""

    def __init__(self, path: Path, holds_key: Callable[[str], bool] = lambda _: False) -> None:
        self.path = path
        self._holds_key = holds_key
        self.failure: str | None = None
        self._lock = asyncio.Lock()

    async def load(self) -> dict[str, ColumnSet]:
        """Return the saved columns by view; none if there is no file, or if it cannot be decoded."""
        try:
            async with asyncio.timeout(DISK_TIMEOUT_S):
                return await asyncio.to_thread(self._load)
        except TimeoutError:
            self.failure = f"The saved columns in {self.path} are ignored: the disk does not answer."
            return {}

    async def save(self, view: str, chosen: ColumnSet | None) -> None:
        """Save the columns of one view; None: it has none of its own any more. Other views keep theirs."""
        async with self._lock:
            await asyncio.to_thread(self._save, view, chosen)

    def _load(self) -> dict[str, ColumnSet]:
        try:
            content = read_own(self.path, MAX_BYTES)
            return {} if content is None else _decode(content)
        except OSError as error:
            reason = error.strerror or "it cannot be read"
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            reason = "this version did not write it"
        self.failure = problem_sentence(self.path, f"The saved columns in {self.path} are ignored", reason)
        return {}

    def _save(self, view: str, chosen: ColumnSet | None) -> None:
        columns = () if chosen is None else (*chosen.shown, *chosen.hidden)
        if any(self._holds_key(text) for each in columns for text in (each.name, each.title, each.format)):
            self.failure = f"The columns are not saved: {HOLDS_KEY}."
            return
        # Another monitor may have saved the columns of another view meanwhile.
        views = {**self._load(), view: chosen}
        saved = {name: _encode(columns) for name, columns in views.items() if columns is not None}
        content = json.dumps({"version": VERSION, "views": saved}, indent=1) + "\n"
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            replace_file(self.path, content.encode("ascii"))
            self.failure = None
        except OSError as error:
            what, reason = f"The columns cannot be saved in {self.path}", error.strerror or str(error)
            self.failure = problem_sentence(self.path, what, reason)


def _decode(content: bytes) -> dict[str, ColumnSet]:
    """Raises `ValueError` or another error of decoding unless this version wrote the file."""
    saved = json.loads(content)
    if saved["version"] != VERSION:
        raise ValueError
    return {
        view: ColumnSet(_choices(view, columns["shown"]), _choices(view, columns["hidden"]))
        for view, columns in saved["views"].items()
        if view in VIEWS
    }


def _choices(view: str, saved: Any) -> tuple[ColumnChoice, ...]:
    choices = [_choice(each) for each in saved]
    if any(problem_in(view, choice) is not None for choice in choices):
        raise ValueError
    return without_duplicates(choices)


def _encode(columns: ColumnSet) -> dict[str, Any]:
    return {
        "shown": [_saved(choice) for choice in columns.shown],
        "hidden": [_saved(choice) for choice in columns.hidden],
    }


def _saved(choice: ColumnChoice) -> dict[str, str | int]:
    values: dict[str, str | int] = {"column": choice.name}
    if choice.title:
        values["title"] = choice.title
    if choice.width:
        values["width"] = choice.width
    if choice.type != AUTO:
        values["type"] = choice.type
    if choice.format:
        values["format"] = choice.format
    return values


def _choice(saved: Mapping[str, Any]) -> ColumnChoice:
    """Raises `ValueError` for values that this program does not write."""
    choice = ColumnChoice(
        saved["column"], saved.get("title", ""), saved.get("width", 0), saved.get("type", AUTO), saved.get("format", "")
    )
    if not all(isinstance(text, str) for text in (choice.name, choice.title, choice.type, choice.format)):
        raise ValueError
    if type(choice.width) is not int or not 0 <= choice.width <= MAX_COLUMN_CELLS:
        raise ValueError
    return choice
