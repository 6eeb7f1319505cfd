"""The saved columns, and the files that are ignored."""

import asyncio
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tui.features.columns.data import ColumnFile
from tui.features.columns.words import ColumnSet, file_columns
from tui.settings.schema import ColumnEntry

OWN = ColumnSet(
    (
        ColumnEntry("task", width=30),
        ColumnEntry("metadata.progress", "done", 12, "bar"),
        ColumnEntry('payload."a.b"[0]', type="number", format=",.2f"),
    ),
    (ColumnEntry("output.größe"),),
)


def saved(path: Path, view: str, columns: ColumnSet | None) -> ColumnFile:
    file = ColumnFile(path, file_columns)
    asyncio.run(file.save(view, columns))
    return file


def loaded(path: Path) -> dict[str, ColumnSet]:
    return asyncio.run(ColumnFile(path, file_columns).load())


def test_columns_of_each_view_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "state" / "columns.json"
    assert loaded(path) == {}
    saved(path, "runs", OWN)
    saved(path, "errors", ColumnSet((ColumnEntry("runs"),)))
    assert loaded(path) == {"runs": OWN, "errors": ColumnSet((ColumnEntry("runs"),))}
    assert path.stat().st_mode & 0o777 == 0o600
    saved(path, "runs", ColumnSet(()))
    assert loaded(path)["runs"] == ColumnSet(())
    saved(path, "runs", None)
    assert [*loaded(path)] == ["errors"]


def edited(**changes: Any) -> Callable[[Path], None]:
    def edit(path: Path) -> None:
        content = json.loads(path.read_text())
        content["views"]["runs"]["shown"][0] |= changes
        path.write_text(json.dumps(content))

    return edit


def replaced_by(make: Callable[[Path], None]) -> Callable[[Path], None]:
    def replace(path: Path) -> None:
        path.unlink()
        make(path)

    return replace


SPOILED: dict[str, Callable[[Path], Any]] = {
    "no JSON": lambda path: path.write_text("{"),
    "another version": lambda path: path.write_text('{"version": 2}'),
    "a list": lambda path: path.write_text("[]"),
    "deep": lambda path: path.write_text("[" * 50_000),
    "large": lambda path: path.write_text(" " * 70_000 + path.read_text()),
    "a folder": replaced_by(Path.mkdir),
    "a pipe": replaced_by(os.mkfifo),
    "unknown column": edited(column="nope"),
    "no path": edited(column="payload..x"),
    "a number as name": edited(column=1),
    "width below zero": edited(width=-1),
    "width of a whole page": edited(width=201),
    "true as width": edited(width=True),
    "unknown type": edited(column="payload.x", type="graph"),
    "unknown format": edited(column="payload.x", type="number", format="{0.__class__}"),
}


@pytest.mark.parametrize("name", SPOILED)
def test_spoiled_file_is_reported_and_ignored(tmp_path: Path, name: str) -> None:
    path = tmp_path / "columns.json"
    saved(path, "runs", OWN)
    SPOILED[name](path)
    file = ColumnFile(path, file_columns)
    assert asyncio.run(file.load()) == {}
    assert file.failure is not None
    assert file.failure.startswith(f"The saved columns in {path} are ignored: ")
