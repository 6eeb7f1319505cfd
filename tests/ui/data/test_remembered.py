"""The saved filters, and the files that are ignored."""

import asyncio
import json
import os
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tui.domain.filters import RunFilters
from tui.domain.run import TaskId
from tui.features.columns.data import ColumnFile
from tui.features.columns.words import file_columns
from tui.features.runs.data import FilterFile, Remembered
from tui.kit.state_files import MAX_BYTES
from tui.store.changes import EPOCH
from tui.store.server_filter import is_typable

SAMPLE = Remembered(
    RunFilters(statuses=("FAILED",), tasks=(TaskId("charge-card"),), tags=("日本",)), timedelta(days=7), "took", True
)


def memory(tmp_path: Path, *, api_url: str = "https://api.example", environment: str = "prod") -> FilterFile:
    return FilterFile(tmp_path / "state", api_url=api_url, environment=environment)


def kept(one: FilterFile) -> Remembered:
    return asyncio.run(one.load())


def keep(one: FilterFile, remembered: Remembered) -> None:
    asyncio.run(one.save(remembered))


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
periods = st.none() | st.sampled_from([timedelta(hours=1), timedelta(days=7), timedelta(minutes=90)])


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25, deadline=None)
@given(
    st.builds(
        Remembered,
        filters,
        periods,
        st.none() | st.sampled_from(["created", "cost"]),
        st.booleans(),
        st.none() | st.timedeltas(timedelta(), timedelta(days=20_000)).map(lambda age: EPOCH + age),
    )
)
def test_saved_filters_are_loaded(tmp_path: Path, remembered: Remembered) -> None:
    keep(memory(tmp_path), remembered)
    again = memory(tmp_path)
    assert kept(again) == remembered
    assert again.failure is None


def test_first_start_has_no_saved_filters(tmp_path: Path) -> None:
    first = memory(tmp_path)
    assert kept(first) == Remembered()
    assert first.failure is None
    assert not (tmp_path / "state").exists()


def test_each_environment_has_its_own_file(tmp_path: Path) -> None:
    keep(memory(tmp_path), SAMPLE)
    assert kept(memory(tmp_path, environment="dev")) == Remembered()
    assert kept(memory(tmp_path, api_url="https://other.example")) == Remembered()
    assert kept(memory(tmp_path)) == SAMPLE


def test_file_is_private_and_leaves_no_other_file(tmp_path: Path) -> None:
    one = memory(tmp_path)
    keep(one, SAMPLE)
    keep(one, SAMPLE)
    assert one.path.stat().st_mode & 0o777 == 0o600
    assert one.path.parent.stat().st_mode & 0o777 == 0o700
    assert list(one.path.parent.iterdir()) == [one.path]


def test_last_of_many_saves_is_written(tmp_path: Path) -> None:
    one = memory(tmp_path)

    async def scenario() -> None:
        async with asyncio.TaskGroup() as tasks:
            for days in range(1, 30):
                tasks.create_task(one.save(Remembered(period=timedelta(days=days))))

    asyncio.run(scenario())
    assert kept(one).period == timedelta(days=29)


def changed(**changes: Any) -> Callable[[Path], None]:
    """Writes the file with something else in it."""

    def write(path: Path) -> None:
        path.write_text(json.dumps(json.loads(path.read_text()) | changes))

    return write


def instead(make: Callable[[Path], object]) -> Callable[[Path], None]:
    """Puts something else in the file's place."""

    def swap(path: Path) -> None:
        path.unlink()
        make(path)

    return swap


def filtered(**lists: Any) -> Callable[[Path], None]:
    return changed(filters=lists)


BROKEN: dict[str, Callable[[Path], Any]] = {
    "empty": lambda path: path.write_text(""),
    "half": lambda path: path.write_text(path.read_text()[:40]),
    "no JSON": lambda path: path.write_bytes(b"\xff\xfe\x00"),
    "no object": lambda path: path.write_text("[1]"),
    "nothing in it": lambda path: path.write_text("{}"),
    "deep": lambda path: path.write_text("[" * 30_000),
    "large": lambda path: path.write_text(" " * MAX_BYTES + path.read_text()),
    "another version": changed(version=2),
    "another environment": changed(environment="dev"),
    "a folder": instead(Path.mkdir),
    "a pipe": instead(os.mkfifo),
    "a device": instead(lambda path: path.symlink_to("/dev/zero")),
    "a time without a zone": changed(kept_at="2026-11-23T18:02:00"),
    "a time that is none": changed(kept_at=["yesterday"]),
    "a time before all others": changed(kept_at="0001-01-01T00:00:00+14:00"),
    "filters of no kind": filtered(colours=["red"]),
    "filters that are none": filtered(tasks="charge-card"),
    "numbers": filtered(tasks=[1]),
    "a status that does not exist": filtered(statuses=["EXPLODED"]),
    "a status by another name": filtered(statuses=["failed"]),
    "an escape": filtered(tasks=["\x1b[31mred"]),
    "a bidi mark": filtered(tags=["a\u202eb"]),
    "a comma": filtered(tags=["a,b"]),
    "a lone surrogate": filtered(tags=["\ud800"]),
    "a period that is none": changed(period="yesterday"),
    "an empty period": changed(period=""),
    "a period that is a number": changed(period=7),
    "an order that is a list": changed(order=["took"]),
}


@pytest.mark.parametrize("name", BROKEN)
def test_foreign_file_is_ignored_and_reported(tmp_path: Path, name: str) -> None:
    keep(memory(tmp_path), SAMPLE)
    one = memory(tmp_path)
    BROKEN[name](one.path)
    assert kept(one) == Remembered()
    assert one.failure is not None
    assert one.failure.startswith(f"The saved filters in {one.path} are ignored: ")
    assert "None" not in one.failure


def test_file_of_another_user_is_ignored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keep(memory(tmp_path), SAMPLE)
    mine = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: mine + 1)
    one = memory(tmp_path)
    assert kept(one) == Remembered()
    assert "this program did not write it" in (one.failure or "")


def test_broken_file_is_replaced_by_the_next_save(tmp_path: Path) -> None:
    one = memory(tmp_path)
    keep(one, SAMPLE)
    one.path.write_text("broken")
    kept(one)
    keep(one, SAMPLE)
    assert one.failure is None
    assert kept(one) == SAMPLE


def test_closed_folder_is_one_sentence_for_all_its_files(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    folder.mkdir(mode=0)
    one, other = memory(tmp_path), ColumnFile(folder / "columns.json", file_columns)
    is_root = os.geteuid() == 0
    try:
        if is_root:
            os.seteuid(65534)  # root may read everything
        assert kept(one) == Remembered()
        assert asyncio.run(other.load()) == {}
        asyncio.run(other.save("runs", None))
    finally:
        if is_root:
            os.seteuid(0)
    assert one.failure == other.failure
    assert (one.failure or "").startswith(f"Nothing is remembered in {folder}: ")


def test_unwritable_file_is_reported(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file where a folder should be")
    one = memory(tmp_path)
    keep(one, SAMPLE)
    assert one.failure == f"Nothing is remembered in {tmp_path / 'state'}: it is not a folder."
