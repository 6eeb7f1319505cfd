"""The files of filters, columns, commands and views. A file that is damaged or in use is said, never believed."""

import asyncio
import fcntl
import json
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tui.domain.filters import RunFilters
from tui.domain.run import TaskId
from tui.features.columns.data import ColumnFile
from tui.features.columns.words import ColumnSet
from tui.features.command_line.model import MAX_ENTRIES, MAX_ENTRY_CHARS, CommandHistory, may_keep
from tui.features.runs.data import FilterFile, Remembered
from tui.features.views.view import MAX_ASIDE, MAX_VIEWS, KnownViews, SavedView, with_view
from tui.kit import state_files
from tui.kit.state_files import MAX_BYTES
from tui.settings.schema import ColumnEntry
from tui.store.changes import EPOCH
from tui.store.server_filter import is_typable

NOW = datetime(2026, 11, 26, 14, 31, tzinfo=UTC)
FILTERS = Remembered(
    RunFilters(statuses=("FAILED",), tasks=(TaskId("charge-card"),), tags=("日本",)), timedelta(days=7), "took", True
)
COLUMNS = ColumnSet(
    (
        ColumnEntry("task", width=30),
        ColumnEntry("metadata.progress", "done", 12, "bar"),
        ColumnEntry('payload."a.b"[0]', type="number", format=",.2f"),
    ),
    (ColumnEntry("output.größe"),),
)
VIEW = SavedView("mails", "runs?task=*-email", "m")


@dataclass
class Kept:
    """What a file of a folder holds, and what was said about it."""

    value: Any
    said: str = ""


class Filters:
    """The saved filters of an environment."""

    empty, sample = Remembered(), FILTERS

    def file(self, folder: Path) -> FilterFile:
        return FilterFile(folder, api_url="https://api.example", environment="prod")

    def path(self, folder: Path) -> Path:
        return self.file(folder).path

    def load(self, folder: Path) -> Kept:
        file = self.file(folder)
        return Kept(asyncio.run(file.load()), file.failure or "")

    def save(self, folder: Path) -> str:
        file = self.file(folder)
        asyncio.run(file.save(self.sample))
        return file.failure or ""


class Columns:
    """The chosen columns of all views."""

    empty, sample = dict[str, ColumnSet](), {"runs": COLUMNS}

    def path(self, folder: Path) -> Path:
        return folder / "columns.json"

    def load(self, folder: Path) -> Kept:
        file = ColumnFile(self.path(folder), "columns", dict)
        return Kept(asyncio.run(file.load()), file.failure or "")

    def save(self, folder: Path, view: str = "runs", columns: ColumnSet | None = COLUMNS) -> str:
        file = ColumnFile(self.path(folder), "columns", dict)
        asyncio.run(file.save(view, columns))
        return file.failure or ""


class Commands:
    """The commands that were run before. A damaged file counts as empty, because nobody chose it."""

    empty, sample = list[str](), ["errors"]

    def path(self, folder: Path) -> Path:
        return CommandHistory(folder, owner="prod").path

    def load(self, folder: Path) -> Kept:
        history = CommandHistory(folder, owner="prod")
        asyncio.run(history.load())
        return Kept([each.text for each in history.entries], history.failure or "")

    def save(self, folder: Path, texts: Sequence[str] = ("errors",), history: CommandHistory | None = None) -> str:
        history = history or CommandHistory(folder, owner="prod")
        asyncio.run(self.run(history, texts))
        return history.failure or ""

    async def run(self, history: CommandHistory, texts: Sequence[str]) -> None:
        await history.load()
        for number, text in enumerate(texts):
            history.add(text, NOW + timedelta(seconds=number))
        await history.save()


class Views:
    """The saved views. Two programs may change them, so a lock protects them."""

    empty, sample = tuple[SavedView, ...](), (VIEW,)

    def path(self, folder: Path) -> Path:
        return folder / "views.json"

    def load(self, folder: Path) -> Kept:
        known = KnownViews(folder, list)
        problem = asyncio.run(known.reload())
        return Kept(known.views, problem or "")

    def save(self, folder: Path, view: SavedView = VIEW) -> str:
        said: list[str] = []
        known = KnownViews(folder, list)
        known.report = said.append
        problem = asyncio.run(known.edit(lambda own: with_view(own, view)))
        return problem or "".join(said)


KINDS = (Filters(), Columns(), Commands(), Views())
OF_ALL = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: type(kind).__name__)


@OF_ALL
def test_file_is_kept_for_its_owner_alone(tmp_path: Path, kind: Any) -> None:
    folder = tmp_path / "new"
    assert kind.load(folder) == Kept(kind.empty)
    assert [kind.save(folder) for _ in range(2)] == ["", ""]
    assert kind.load(folder) == Kept(kind.sample)
    path = kind.path(folder)
    assert (path.stat().st_mode & 0o777, folder.stat().st_mode & 0o777) == (0o600, 0o700)
    assert {each.suffix for each in folder.iterdir()} <= {".json", ".lock"}, "no other file is left"


def changed(**changes: Any) -> Callable[[Path], None]:
    """Return what replaces keys of the file."""

    def change(path: Path) -> None:
        path.write_text(json.dumps(json.loads(path.read_text()) | changes))

    return change


def instead(make: Callable[[Path], object]) -> Callable[[Path], None]:
    """Return what puts something else in the file's place."""

    def swap(path: Path) -> None:
        path.unlink()
        make(path)

    return swap


DAMAGES: dict[str, Callable[[Path], Any]] = {
    "empty": lambda path: path.write_text(""),
    "half": lambda path: path.write_text(path.read_text()[:40]),
    "no text": lambda path: path.write_bytes(b"\xff\xfe\x00"),
    "no object": lambda path: path.write_text("[1]"),
    "deep": lambda path: path.write_text("[" * 50_000),
    "large": lambda path: path.write_text(" " * (64 * MAX_BYTES) + path.read_text()),
    "another version": changed(version=9),
    "a pipe": instead(os.mkfifo),
    "a device": instead(lambda path: path.symlink_to("/dev/zero")),
}


@OF_ALL
@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_file_is_said_and_replaced_by_the_next_save(tmp_path: Path, kind: Any, damage: str) -> None:
    kind.save(tmp_path)
    path = kind.path(tmp_path)
    DAMAGES[damage](path)
    kept = kind.load(tmp_path)
    assert kept.value == kind.empty
    assert str(path) in kept.said or isinstance(kind, Commands)
    assert "None" not in kept.said
    kind.save(tmp_path)
    if not isinstance(kind, Views) or damage not in {"a pipe", "a device", "large"}:  # it may be of another program
        assert kind.load(tmp_path) == Kept(kind.sample)


@OF_ALL
def test_place_that_takes_no_file_is_said(tmp_path: Path, kind: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "state").write_text("a file where a folder should be")
    assert "it is not a folder" in kind.save(tmp_path / "state")
    assert kind.load(tmp_path / "state").value == kind.empty
    kind.save(tmp_path)
    mine = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: mine + 1)
    foreign = kind.load(tmp_path)
    assert foreign.value == kind.empty
    assert "this program did not write it" in foreign.said or isinstance(kind, Commands)


STRANGE_FILTERS: dict[str, dict[str, Any]] = {
    "another environment": {"environment": "dev"},
    "a time without a zone": {"kept_at": "2026-11-23T18:02:00"},
    "a time before all others": {"kept_at": "0001-01-01T00:00:00+14:00"},
    "filters of no kind": {"filters": {"colours": ["red"]}},
    "filters that are none": {"filters": {"tasks": "charge-card"}},
    "a status that does not exist": {"filters": {"statuses": ["EXPLODED"]}},
    "an escape": {"filters": {"tasks": ["\x1b[31mred"]}},
    "a bidi mark": {"filters": {"tags": ["a\u202eb"]}},
    "a comma": {"filters": {"tags": ["a,b"]}},
    "a lone surrogate": {"filters": {"tags": ["\ud800"]}},
    "a period that is none": {"period": "yesterday"},
    "a period that is a number": {"period": 7},
    "an order that is a list": {"order": ["took"]},
}


@pytest.mark.parametrize("name", STRANGE_FILTERS)
def test_filters_that_cannot_be_right_are_ignored(tmp_path: Path, name: str) -> None:
    filters = Filters()
    filters.save(tmp_path)
    changed(**STRANGE_FILTERS[name])(filters.path(tmp_path))
    kept = filters.load(tmp_path)
    assert kept.value == Remembered()
    assert kept.said.startswith(f"The saved filters in {filters.path(tmp_path)} are ignored: ")


letters = st.characters(categories=("L", "N", "P", "S"), exclude_characters=",")
lists = st.lists(st.text(letters, min_size=1, max_size=8).filter(is_typable), max_size=3).map(tuple)
filters = st.builds(
    RunFilters,
    statuses=st.lists(st.sampled_from(["FAILED", "QUEUED", "WAITING", "INTERRUPTED"]), unique=True).map(tuple),
    tasks=lists.map(lambda names: tuple(map(TaskId, names))),
    tags=lists,
    versions=lists,
    queues=lists,
    machines=lists,
    regions=lists,
)
remembered = st.builds(
    Remembered,
    filters,
    st.none() | st.sampled_from([timedelta(hours=1), timedelta(days=7), timedelta(minutes=90)]),
    st.none() | st.sampled_from(["created", "cost"]),
    st.booleans(),
    st.none() | st.timedeltas(timedelta(), timedelta(days=20_000)).map(lambda age: EPOCH + age),
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25, deadline=None)
@given(remembered)
def test_saved_filters_are_loaded_in_their_environment(tmp_path: Path, saved: Remembered) -> None:
    async def scenario() -> list[Remembered]:
        await FilterFile(tmp_path, api_url="https://api.example", environment="prod").save(saved)
        places = (("https://api.example", "prod"), ("https://api.example", "dev"), ("https://other.example", "prod"))
        return [await FilterFile(tmp_path, api_url=url, environment=name).load() for url, name in places]

    assert asyncio.run(scenario()) == [saved, Remembered(), Remembered()]


def test_two_monitors_keep_the_commands_of_both_each_once(tmp_path: Path) -> None:
    first, second = CommandHistory(tmp_path, owner="prod"), CommandHistory(tmp_path, owner="prod")
    commands = Commands()
    commands.save(tmp_path, (), second)
    commands.save(tmp_path, ("errors", "runs status:failed", "errors"), first)
    commands.save(tmp_path, ("sort took",), second)
    commands.save(tmp_path, ("wall",), CommandHistory(tmp_path, owner="dev"))
    assert commands.load(tmp_path).value == ["runs status:failed", "errors", "sort took"]


def test_history_is_bounded_and_has_times_and_texts_alone(tmp_path: Path) -> None:
    commands = Commands()
    commands.save(tmp_path)
    path = commands.path(tmp_path)
    assert json.loads(path.read_text()) == {"version": 1, "commands": [["2026-11-26T14:31:00+00:00", "errors"]]}
    assert "prod" not in path.name
    commands.save(tmp_path, [f"runs é{number:03}{'é' * (MAX_ENTRY_CHARS - 9)}" for number in range(MAX_ENTRIES + 50)])
    kept = commands.load(tmp_path).value
    assert len(kept) <= MAX_ENTRIES
    assert kept[-1].startswith(f"runs é{MAX_ENTRIES + 49:03}")
    assert path.stat().st_size <= MAX_BYTES


@pytest.mark.parametrize(
    ("text", "is_kept"),
    [
        ("run tr_prod_abcdefghijklmnop", False),
        ("runs tag:tr_dev_x1y2z3", False),
        ("runs?q=tr%5Fdev%5Fabcdefgh", False),
        ('runs "sk-proj-abcdefghijklmnop"', False),
        ("runs tag:x-api-key=abc123", False),
        ("errors password: hunter2", False),
        ("runs eyJhbGciOiJIUzI1NiJ9.e30", False),
        ("runs " + "x" * MAX_ENTRY_CHARS, False),
        ("runs \x1b[31m", False),
        ("", False),
        ("runs task:extract_tr_text", True),
        ("run run_cmwvq81zu01h49f7dk2m96e3t", True),
    ],
)
def test_command_with_a_key_or_of_any_length_is_not_kept(text: str, is_kept: bool) -> None:
    assert may_keep(text) is is_kept


def save_many(folder: Path, start: int) -> None:
    for number in range(start, start + 10):
        Views().save(folder, SavedView(f"view {number}", "runs?"))


def test_two_programs_lose_no_view_of_each_other(tmp_path: Path) -> None:
    with ProcessPoolExecutor(2) as programs:
        list(programs.map(save_many, [tmp_path] * 2, [0, 10]))
    assert {view.name for view in Views().load(tmp_path).value} == {f"view {number}" for number in range(20)}


@pytest.mark.parametrize(
    ("rows", "kept"),
    [
        ([{"name": "mails", "address": "runs?task=*-email", "letter": "m"}, 7], (VIEW,)),
        ([{"name": "", "address": "runs?", "letter": ""}], ()),
        ([{"name": "x", "address": "runs?", "letter": "mm"}], ()),
        ([{"name": "x", "address": "runs?", "letter": "", "more": 1}], ()),
    ],
)
def test_damaged_views_are_kept_aside(tmp_path: Path, rows: list[object], kept: tuple[SavedView, ...]) -> None:
    path, views = tmp_path / "views.json", Views()
    content = json.dumps({"version": 1, "views": rows})
    path.write_text(content)
    before = views.load(tmp_path)
    assert (before.value, path.read_text()) == (kept, content)
    assert str(path) in before.said
    other = SavedView("other", "errors?")
    assert "views.damaged-1.json" in views.save(tmp_path, other)
    assert (tmp_path / "views.damaged-1.json").read_text() == content
    assert views.load(tmp_path) == Kept((*kept, other))
    for number in range(2, MAX_ASIDE + 1):
        (tmp_path / f"views.damaged-{number}.json").write_text("kept")
    path.write_text("{")
    assert f"{MAX_ASIDE} damaged files" in views.save(tmp_path)
    assert path.read_text() == "{", "no earlier one is replaced"


def test_locked_views_are_said_and_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(state_files, "LOCK_TIMEOUT_S", 0.05)
    views, other = Views(), SavedView("other", "errors?")
    views.save(tmp_path)
    with (tmp_path / "views.lock").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert views.save(tmp_path, other).endswith("another program is changing it.")
        assert views.load(tmp_path) == Kept((VIEW,))
    assert views.save(tmp_path, other) == ""
    many = [{"name": str(number), "address": "runs?", "letter": ""} for number in range(MAX_VIEWS)]
    (tmp_path / "views.json").write_text(json.dumps({"version": 1, "views": many}))
    assert "there are already 200" in views.save(tmp_path)
    assert len(views.load(tmp_path).value) == MAX_VIEWS
