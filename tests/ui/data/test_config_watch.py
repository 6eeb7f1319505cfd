"""The config file is read again when it changes, and its problems are said."""

import asyncio
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.fleet import SECRET
from tests.support.ui.fleets import small_fleet
from tests.support.ui.monitor import Monitored, run_story
from tui.features import checked_file
from tui.kit.live_model import Messages
from tui.kit.state_files import ConfigWatch, SettingsChange
from tui.settings.file import load_config, state_of
from tui.settings.settings import Complaint, ConfigFile, FileState, read_settings
from tui.sync.session import Session

START = 'theme = "dark"\n[read_only]\neverywhere = true\n'


class Watched:
    """A session with a config file, and the watch of it."""

    def __init__(self, folder: Path, text: str | None = START) -> None:
        folder.chmod(0o700)
        self.path = folder / "config.toml"
        if text is not None:
            self.write(text)
        environ = {"HOME": "/", "TRIGGER_SECRET_KEY": SECRET}
        file = load_config(environ, self.path)
        self.session = Session(read_settings(environ, file=file))
        self.messages = Messages()
        self.changes: list[SettingsChange] = []
        self.watch = ConfigWatch(self.session, self.messages, checked_file, self.changes.append)
        self.name = str(self.path)

    def write(self, text: str) -> None:
        """Replace the file as an editor does."""
        new = self.path.with_suffix(".new")
        new.write_text(text)
        new.replace(self.path)

    def check(self, count: int = 2) -> None:
        async def checks() -> None:
            for _ in range(count):
                await self.watch._check()

        asyncio.run(checks())

    @property
    def said(self) -> list[str]:
        return [message.text.removeprefix(self.name) for message in self.messages]


def test_changed_file_takes_effect_once_it_is_steady(tmp_path: Path) -> None:
    watched = Watched(tmp_path)
    watched.write('theme = "light"\ninterval = 7\n')
    watched.check(1)
    assert watched.changes == []
    watched.check(3)
    settings = watched.session.settings
    assert (settings.theme, settings.interval_s, settings.may_write) == ("light", 7.0, True)
    assert len(watched.changes) == 1
    assert watched.said == [" was read again: theme, interval, read_only changed."]


def empty(path: Path) -> None:
    path.write_text("")


def directory(path: Path) -> None:
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize(
    ("spoil", "line"),
    [
        (lambda path: path.write_text('theme = "light"\n[oops'), ": line 2: expected TOML: expected ']'"),
        (Path.unlink, " is gone: its settings stay until the next start."),
        (empty, " is empty: its settings stay until the next start."),
        (directory, ": a folder, not a file; the file is ignored."),
    ],
)
def test_spoiled_file_keeps_the_settings(tmp_path: Path, spoil: Callable[[Path], object], line: str) -> None:
    watched = Watched(tmp_path)
    before = watched.session.settings
    spoil(watched.path)
    watched.check(4)
    assert watched.session.settings is before
    (said,) = watched.said
    assert said.startswith(line)


def test_spoiled_file_with_read_only_forbids_writing(tmp_path: Path) -> None:
    watched = Watched(tmp_path, "interval = 3\n")
    watched.write("interval = 4\n[read_only\neverywhere = true\n")
    watched.check()
    settings = watched.session.settings
    assert not settings.may_write
    assert settings.interval_s == 3.0
    assert watched.said[0].endswith("everything is read-only until this is fixed.")
    assert watched.said[1:] == [" was read again: read_only changed."]
    watched.write("interval = 4\n")
    watched.check()
    assert watched.session.settings.may_write


def test_disk_that_hangs_is_asked_by_one_thread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    watched, asked, answers = Watched(tmp_path), 0, threading.Event()

    def hang(_: Path) -> FileState:
        nonlocal asked
        asked += 1
        answers.wait(100)
        return state_of(watched.path)

    async def checks() -> None:
        monkeypatch.setattr("tui.kit.state_files.state_of", hang)
        monkeypatch.setattr("tui.kit.state_files.READ_TIMEOUT_S", 0.001)
        for _ in range(5):
            await watched.watch._check()
        assert asked == 1
        assert all(thread.daemon for thread in threading.enumerate() if thread is not threading.main_thread())
        answers.set()
        monkeypatch.undo()
        watched.write('theme = "light"\n')
        for _ in range(3):
            await watched.watch._check()

    asyncio.run(checks())
    assert watched.session.settings.theme == "light"


def test_problems_of_the_config_file_are_counted_at_the_start(tmp_path: Path) -> None:
    complaint = Complaint("theme", 'expected "dark", got "purple"', file="~/config.toml")

    async def story(monitor: Monitored) -> None:
        assert "config file: 2 problems · :messages" in monitor.lines[-1]
        await monitor.later(10)
        assert "config file" not in monitor.lines[-1]

    file = ConfigFile(complaints=(complaint, complaint, replace(complaint, is_remark=True)))
    run_story(story, tmp_path, small_fleet(3), file=file, size=(60, 15))
