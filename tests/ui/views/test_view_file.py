"""The file of saved views: changed by two programs, damaged, locked, read-only."""

import asyncio
import fcntl
import json
import os
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import NamedTuple

import pytest

from tui.features.views.view import MAX_ASIDE, MAX_VIEWS, KnownViews, SavedView, with_view
from tui.kit import state_files
from tui.settings.schema import ViewEntry

VIEW = SavedView("mails", "runs?task=*-email", "m")


class Found(NamedTuple):
    """The own views of the file, a problem, and what else was said."""

    views: tuple[SavedView, ...]
    problem: str | None = None
    remark: str = ""


def known_views(folder: Path, said: list[str]) -> KnownViews:
    known = KnownViews(folder, list)
    known.report = said.append
    return known


def found(known: KnownViews, problem: str | None, said: list[str]) -> Found:
    return Found(known.views, problem, "".join(each for each in said if each != problem))


def save(folder: Path, view: SavedView) -> Found:
    said: list[str] = []
    known = known_views(folder, said)
    return found(known, asyncio.run(known.edit(lambda own: with_view(own, view))), said)


def read(folder: Path) -> Found:
    said: list[str] = []
    known = known_views(folder, said)
    return found(known, asyncio.run(known.reload()), said)


def save_many(folder: Path, start: int) -> None:
    for number in range(start, start + 10):
        save(folder, SavedView(f"view {number}", "runs?"))


def test_view_is_kept_for_its_owner_alone(tmp_path: Path) -> None:
    folder = tmp_path / "new"
    assert read(folder) == Found(())
    assert save(folder, VIEW) == Found((VIEW,))
    assert read(folder) == Found((VIEW,))
    assert (folder / "views.json").stat().st_mode & 0o777 == 0o600
    assert folder.stat().st_mode & 0o777 == 0o700
    assert {each.name for each in folder.iterdir()} == {"views.json", "views.lock"}


def test_two_programs_lose_no_view_of_each_other(tmp_path: Path) -> None:
    with ProcessPoolExecutor(2) as programs:
        list(programs.map(save_many, [tmp_path] * 2, [0, 10]))
    assert {view.name for view in read(tmp_path).views} == {f"view {number}" for number in range(20)}


@pytest.mark.parametrize(
    ("content", "kept"),
    [
        (b"", ()),
        (b"{", ()),
        (b'{"version": 2, "views": []}', ()),
        (b'{"version": 1, "views": {}}', ()),
        (b"[" * 100_000, ()),
        (b"\xff\xfe", ()),
        (b'{"version": 1, "views": [{"name": "mails", "address": "runs?task=*-email", "letter": "m"}, 7]}', (VIEW,)),
        (b'{"version": 1, "views": [{"name": "", "address": "runs?", "letter": ""}]}', ()),
        (b'{"version": 1, "views": [{"name": "x", "address": "runs?", "letter": "mm"}]}', ()),
        (b'{"version": 1, "views": [{"name": "x", "address": "runs?", "letter": "", "more": 1}]}', ()),
    ],
)
def test_damaged_file_is_reported_and_kept_aside(tmp_path: Path, content: bytes, kept: tuple[SavedView, ...]) -> None:
    path = tmp_path / "views.json"
    path.write_bytes(content)
    before = read(tmp_path)
    assert before.views == kept
    assert str(path) in (before.problem or "")
    assert path.read_bytes() == content
    other = SavedView("other", "errors?")
    changed = save(tmp_path, other)
    assert (changed.views, changed.problem) == ((*kept, other), None)
    assert "views.damaged-1.json" in changed.remark
    assert (tmp_path / "views.damaged-1.json").read_bytes() == content
    assert read(tmp_path) == Found((*kept, other))


def test_damaged_files_replace_no_earlier_one(tmp_path: Path) -> None:
    for number in range(1, MAX_ASIDE + 1):
        (tmp_path / f"views.damaged-{number}.json").write_text("kept")
    (tmp_path / "views.json").write_text("{")
    assert f"{MAX_ASIDE} damaged files" in (save(tmp_path, VIEW).problem or "")
    assert (tmp_path / "views.json").read_text() == "{"


def test_locked_file_is_said_and_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(state_files, "LOCK_TIMEOUT_S", 0.05)
    save(tmp_path, VIEW)
    with (tmp_path / "views.lock").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        changed = save(tmp_path, SavedView("other", "errors?"))
        assert (changed.problem or "").endswith("another program is changing it.")
        assert read(tmp_path) == Found((VIEW,))
    assert save(tmp_path, SavedView("other", "errors?")).problem is None


@pytest.mark.parametrize("name", ["views.json", "views.lock"])
def test_place_that_takes_no_file_is_said(tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir()
    assert "cannot be saved in" in (save(tmp_path, VIEW).problem or "")


def test_pipe_in_its_place_blocks_nothing(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "views.json")
    assert "this program did not write it" in (read(tmp_path).problem or "")


def test_number_of_views_in_the_file_is_bounded(tmp_path: Path) -> None:
    views = [{"name": str(number), "address": "runs?", "letter": ""} for number in range(MAX_VIEWS)]
    (tmp_path / "views.json").write_text(json.dumps({"version": 1, "views": views}))
    assert "as many as fit" in (save(tmp_path, VIEW).problem or "")
    assert len(read(tmp_path).views) == MAX_VIEWS


def test_views_of_the_config_file_are_listed_too(tmp_path: Path) -> None:
    entries = [ViewEntry("theirs", "errors?since=7d", "e")]
    known = KnownViews(tmp_path, lambda: entries)
    assert asyncio.run(known.edit(lambda own: with_view(own, VIEW))) is None
    assert [(each.name, each.is_configured, each.words) for each in known.views] == [
        ("mails", False, "runs task:*-email"),
        ("theirs", True, "errors since:7d"),
    ]
    entries[:] = [ViewEntry("theirs", "errors?since=7d", "e"), ViewEntry("old", "errors?sort=newe", "e")]
    (problem,) = asyncio.run(known.problems_of_file())
    assert problem.startswith('The view “old” of the config file: no order "newe", nearest: new;')
    assert problem.endswith("; e opens “theirs” of the config file.")
    entries.clear()
    assert asyncio.run(known.reload()) is None
    assert known.views == (VIEW,)
