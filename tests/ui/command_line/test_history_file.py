"""The file of the commands that were run before: what it keeps, its bounds, and what happens when it is damaged."""

import asyncio
import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.features.command_line.model import MAX_ENTRIES, MAX_ENTRY_CHARS, CommandHistory, may_keep, with_entry
from tui.kit.commands import HistoryLine

NOW = datetime(2026, 11, 26, 14, 31, tzinfo=UTC)


def run(history: CommandHistory, *texts: str) -> None:
    async def whole() -> None:
        await history.load()
        for number, text in enumerate(texts):
            history.add(text, NOW + timedelta(seconds=number))
        await history.save()

    asyncio.run(whole())


def texts(path: Path) -> list[str]:
    history = CommandHistory(path, owner="prod")
    asyncio.run(history.load())
    return [each.text for each in history.entries]


def test_history_survives_a_restart_with_each_command_once(tmp_path: Path) -> None:
    run(CommandHistory(tmp_path, owner="prod"), "errors", "runs status:failed", "errors")
    run(CommandHistory(tmp_path, owner="dev"), "sort took")
    assert texts(tmp_path) == ["runs status:failed", "errors"]


def test_two_monitors_keep_the_commands_of_both(tmp_path: Path) -> None:
    first, second = CommandHistory(tmp_path, owner="prod"), CommandHistory(tmp_path, owner="prod")
    run(second)
    run(first, "errors")
    run(second, "sort took")
    assert texts(tmp_path) == ["errors", "sort took"]


def test_file_is_bounded_and_only_its_owner_reads_it(tmp_path: Path) -> None:
    history = CommandHistory(tmp_path / "new" / "state", owner="prod")
    run(history, *(f"runs é{number:03}{'é' * (MAX_ENTRY_CHARS - 9)}" for number in range(MAX_ENTRIES + 50)))
    assert len(history.entries) == MAX_ENTRIES
    status = history.path.stat()
    assert status.st_mode & 0o777 == 0o600
    assert status.st_size <= 64 * 1024
    assert texts(tmp_path / "new" / "state")[-1].startswith(f"runs é{MAX_ENTRIES + 49:03}")


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b'{"version": 9, "commands": []}', b'{"version":1,"commands":[[1,2]]}', b"\xff" * 70_000],
)
def test_damaged_file_counts_as_empty_and_is_replaced(tmp_path: Path, content: bytes) -> None:
    history = CommandHistory(tmp_path, owner="prod")
    history.path.write_bytes(content)
    run(history, "errors")
    assert texts(tmp_path) == ["errors"]
    assert history.failure is None


def test_file_that_cannot_be_written_is_reported(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file, not a folder")
    history = CommandHistory(tmp_path / "state", owner="prod")
    run(history, "errors")
    assert "Nothing is remembered in" in (history.failure or "")
    assert [each.text for each in history.entries] == ["errors"]


def test_pipe_in_the_place_of_the_file_blocks_nothing(tmp_path: Path) -> None:
    history = CommandHistory(tmp_path, owner="prod")
    os.mkfifo(history.path)
    run(history, "errors")
    assert texts(tmp_path) == ["errors"]


@pytest.mark.parametrize(
    "text",
    [
        "run tr_prod_abcdefghijklmnop",
        "runs tag:tr_dev_x1y2z3",
        "errors sk_live_0123456789",
        "runs?q=tr%5Fdev%5Fabcdefgh",
        'runs "sk-proj-abcdefghijklmnop"',
        "runs AKIAIOSFODNN7EXAMPLE",
        "runs tag:x-api-key=abc123",
        "errors password: hunter2",
        "runs Bearer abc",
        "runs eyJhbGciOiJIUzI1NiJ9.e30",
        "runs " + "x" * MAX_ENTRY_CHARS,
        "runs \x1b[31m",
        "",
    ],
)
def test_text_with_a_key_or_of_any_length_is_not_kept(text: str) -> None:
    assert not may_keep(text)


def test_ordinary_commands_are_kept() -> None:
    for text in (
        "runs task:extract_tr_text",
        "run run_cmwvq81zu01h49f7dk2m96e3t",
        "errors No such customer",
        "set interval 5",
    ):
        assert may_keep(text)


@given(st.lists(st.text(min_size=1, max_size=5), max_size=300))
def test_history_has_each_command_once_newest_last(added: list[str]) -> None:
    entries: tuple[HistoryLine, ...] = ()
    for text in added:
        entries = with_entry(entries, HistoryLine(NOW, text))
    found = [each.text for each in entries]
    assert len(found) == len(set(found)) <= MAX_ENTRIES
    assert found[-1:] == added[-1:]


def test_saved_file_has_times_and_texts_alone(tmp_path: Path) -> None:
    history = CommandHistory(tmp_path, owner="https://api.example prod")
    run(history, "errors")
    assert json.loads(history.path.read_text()) == {"version": 1, "commands": [["2026-11-26T14:31:00+00:00", "errors"]]}
    assert "prod" not in history.path.name
