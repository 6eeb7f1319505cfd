"""The config file is read again when it changes."""

import asyncio
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.fleet import SECRET
from tui.features import checked_file
from tui.kit.live_model import Messages
from tui.kit.state_files import ConfigWatch, SettingsChange
from tui.settings.file import load_config, state_of
from tui.settings.settings import FileState, read_settings
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


def test_unchanged_file_is_not_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    watched = Watched(tmp_path)

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError

    monkeypatch.setattr("tui.kit.state_files.read_config", refuse)
    watched.check(3)
    assert watched.said == []


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
    assert watched.said[0].endswith("everything is read-only until this is right.")
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


def test_file_that_appears_is_read(tmp_path: Path) -> None:
    watched = Watched(tmp_path, None)
    watched.check()
    watched.write(START)
    watched.check()
    assert not watched.session.settings.may_write


def test_wrong_value_is_said_once_and_the_rest_is_used(tmp_path: Path) -> None:
    watched = Watched(tmp_path)
    for interval in (3, 4):
        watched.write(f'interval = {interval}\ntheme = "drak"\n')
        watched.check()
    assert watched.session.settings.interval_s == 4.0
    assert watched.session.settings.theme == "auto"
    assert [line for line in watched.said if "drak" in line] == [
        ': theme: expected "auto", "dark", "light" or "16", got "drak".'
    ]


def test_what_needs_a_new_start_is_said(tmp_path: Path) -> None:
    watched = Watched(tmp_path)
    watched.write(START + '[programs]\neditor = ["vi"]\npager = ["less"]\n[dashboard]\nurl = "https://a.example"\n')
    watched.check()
    assert watched.said == [": programs, dashboard take effect at the next start."]


def test_protected_environment_blocks_actions(tmp_path: Path) -> None:
    watched = Watched(tmp_path, '[read_only]\nenvironments = ["prod"]\n')
    assert watched.session.is_read_only
    assert watched.session.write_block == "the config file makes an unknown environment read-only"
    watched.write("interval = 2\n")
    watched.check()
    assert watched.session.write_block is None
