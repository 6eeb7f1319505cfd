"""The action log: it is private, has a line for each phase, and never blocks an action or the exit."""

import errno
import os
import stat
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.actions import LONG, perform
from tests.support.fleet import FleetRun, fleet_of
from tui.api.actions import CANCEL
from tui.domain.action import ActionPhase
from tui.sync import actions as action_log
from tui.sync.actions import FILE_NAME, append_line


def a_fifo(path: Path) -> None:
    os.mkfifo(path)


def a_link(path: Path) -> None:
    (path.parent / "elsewhere").write_text("")
    path.symlink_to(path.parent / "elsewhere")


def a_link_to_nowhere(path: Path) -> None:
    path.symlink_to(path.parent / "elsewhere")


def a_socket(path: Path) -> None:
    os.mknod(path, stat.S_IFSOCK | 0o600)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    (tmp_path / "trigger-tui").mkdir()
    return tmp_path / "trigger-tui" / FILE_NAME


@pytest.mark.parametrize("make", [a_fifo, a_link, a_link_to_nowhere, a_socket, Path.mkdir])
def test_log_writes_only_to_a_regular_file(path: Path, make: Callable[[Path], None]) -> None:
    make(path)
    with pytest.raises(OSError, match="it is"):
        append_line(path, b"line\n")
    others = [each for each in path.parent.iterdir() if each != path and each.is_file()]
    assert [each.read_bytes() for each in others] in ([], [b""])


def test_log_never_opens_a_device(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> int:
        raise AssertionError("opened")

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(OSError, match="not a regular file"):
        append_line(Path("/dev/full"), b"line\n")


def test_log_is_readable_only_by_its_owner(tmp_path: Path) -> None:
    path = tmp_path / "state" / "trigger-tui" / FILE_NAME
    append_line(path, b"one\n")
    path.chmod(0o644)
    append_line(path, b"two\n")
    assert [stat.S_IMODE(each.stat().st_mode) for each in (path, path.parent, path.parent.parent)] == [
        0o600,
        0o700,
        0o700,
    ]
    path.parent.chmod(0o755)
    append_line(path, b"three\n")
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o755, "what was there stays as it was"
    assert path.read_bytes() == b"one\ntwo\nthree\n"


def test_log_starts_a_new_line_after_half_a_line(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write = os.write

    def fill(handle: int, data: bytes) -> int:
        if len(data) < 9:
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(handle, bytes(data[:4]))

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", fill)
        with pytest.raises(OSError, match="No space"):
            append_line(path, b"one line\n")
    append_line(path, b"another\n")
    assert path.read_bytes() == b"one \nanother\n"


def test_log_writes_a_line_at_once_and_whole(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path.write_bytes(b"half")
    written: list[bytes] = []
    write = os.write

    def cut_first(handle: int, data: bytes) -> int:
        written.append(bytes(data))
        return write(handle, bytes(data[:3] if len(written) == 1 else data))

    monkeypatch.setattr(os, "write", cut_first)
    append_line(path, b"whole\n")
    assert written == [b"\nwhole\n", b"ole\n"], "one write for a line, and the rest where it was short"
    assert path.read_bytes() == b"half\nwhole\n"


@pytest.mark.parametrize("trouble", ["a hanging disk", "a file for its folder", a_fifo, a_link, Path.mkdir])
def test_action_succeeds_without_its_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trouble: Any) -> None:
    released, folder = threading.Event(), tmp_path / "trigger-tui"
    monkeypatch.setattr(action_log, "CLOSE_TIMEOUT_S", 0.01)
    if trouble == "a hanging disk":
        monkeypatch.setattr(action_log, "append_line", lambda *_: released.wait(100))
    elif trouble == "a file for its folder":
        folder.write_text("in the way")
    else:
        folder.mkdir()
        trouble(folder / FILE_NAME)
    run = FleetRun(1, -10, -5, LONG)
    fleet = fleet_of(run)
    end, _ = perform(fleet, tmp_path, CANCEL, run)
    assert end.phase is ActionPhase.CONFIRMED
    assert fleet.status(run) == "CANCELED"
    released.set()


def test_process_ends_while_a_write_hangs() -> None:
    program = """
import asyncio, threading
from pathlib import Path
from datetime import datetime
from tui.domain.action import ActionPhase, ActionStatus
from tui.sync import actions as action_log
from tui.sync.actions import ActionLog

async def main():
    action_log.append_line = lambda *_: threading.Event().wait()
    action_log.CLOSE_TIMEOUT_S = 0.01
    log = ActionLog(Path("/tmp"), str)
    status = ActionStatus("run_1", "cancel", 1, ActionPhase.REQUESTED, datetime.now())
    log.record(status, environment=None, api_url="")
    await log.close()
    print(log.failure)

asyncio.run(main())
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=100, check=True)
    assert "does not respond" in done.stdout
