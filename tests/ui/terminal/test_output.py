"""The writer writes to real ptys that are slow, non-blocking, stopped or closed."""

import fcntl
import os
import pty
import select
import threading
import tty
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from tui.kit.terminal import early as terminal_output
from tui.kit.terminal.early import END_STRING, MAX_UNWRITTEN_BYTES, TerminalWriter

PATIENCE_S = 100.0


@dataclass
class Pty:
    """A terminal whose output is read only by `read`."""

    master: int
    slave: int
    gone: threading.Event = field(default_factory=threading.Event)
    caught_up: threading.Event = field(default_factory=threading.Event)

    def writer(self) -> TerminalWriter:
        return TerminalWriter(self.slave, on_gone=self.gone.set, on_caught_up=self._on_caught_up)

    def _on_caught_up(self, has_dropped: bool) -> None:
        if has_dropped:
            self.caught_up.set()

    def read(self, size: int) -> bytes:
        """Read exactly `size` bytes."""
        got = b""
        while len(got) < size:
            assert select.select([self.master], [], [], PATIENCE_S)[0], f"only {len(got)} bytes of {size}"
            got += os.read(self.master, size - len(got))
        return got


@pytest.fixture(params=["own", "shared"])
def terminal(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Pty]:
    """Run a test once with a reopened terminal, once with the shared descriptor."""
    if request.param == "shared":
        monkeypatch.setattr(terminal_output, "_reopen", lambda descriptor: (descriptor, False))
    master, slave = pty.openpty()
    tty.setraw(slave)
    terminal = Pty(master, slave)
    yield terminal
    for descriptor in (terminal.master, terminal.slave):
        if descriptor >= 0:
            os.close(descriptor)


@pytest.mark.parametrize("is_blocking", [True, False])
def test_writer_loses_nothing_in_either_mode(terminal: Pty, is_blocking: bool) -> None:
    os.set_blocking(terminal.slave, is_blocking)
    flags = fcntl.fcntl(terminal.slave, fcntl.F_GETFL)
    writer = terminal.writer()
    sent = "".join(f"{number:07}é" for number in range(MAX_UNWRITTEN_BYTES // 10)).encode()
    writer.write(sent.decode())
    assert not writer.finish(0.0)
    assert terminal.read(len(sent)) == sent
    assert writer.finish(PATIENCE_S)
    assert fcntl.fcntl(terminal.slave, fcntl.F_GETFL) == flags
    writer.close()
    assert not terminal.gone.is_set()


def test_writer_drops_frames_when_behind_and_reports_it(terminal: Pty) -> None:
    writer = terminal.writer()
    assert writer.write("a" * MAX_UNWRITTEN_BYTES * 2)
    assert not writer.write("lost")
    assert terminal.read(MAX_UNWRITTEN_BYTES * 2) == b"a" * MAX_UNWRITTEN_BYTES * 2
    assert terminal.caught_up.wait(PATIENCE_S)
    assert writer.write("kept")
    assert terminal.read(4) == b"kept"
    writer.close()


def test_writer_replaces_unwritten_text(terminal: Pty) -> None:
    writer = terminal.writer()
    writer.write("a" * MAX_UNWRITTEN_BYTES)
    terminal.read(1)
    writer.replace("end")
    written = b""
    while not written.endswith(f"{END_STRING}end".encode()):
        written += terminal.read(1)
    assert len(written) < MAX_UNWRITTEN_BYTES
    writer.close()


def test_close_does_not_wait_for_a_blocked_terminal(terminal: Pty) -> None:
    writer = terminal.writer()
    writer.write("a" * MAX_UNWRITTEN_BYTES)
    terminal.read(1)
    writer.close()
    writer.write("b")
    written = b""
    while select.select([terminal.master], [], [], 0)[0]:
        written += terminal.read(1)
    os.write(terminal.slave, b"shell")
    while not written.endswith(b"shell"):
        written += terminal.read(1)
    assert written.strip(b"a") == b"shell"


def test_closed_terminal_is_reported_once_without_waiting(terminal: Pty) -> None:
    writer = terminal.writer()
    os.close(terminal.master)
    terminal.master = -1
    writer.write("a")
    assert terminal.gone.wait(PATIENCE_S)
    writer.write("b")
    assert writer.finish(PATIENCE_S)
    writer.close()


def test_lone_surrogate_is_written_as_a_question_mark(terminal: Pty) -> None:
    writer = terminal.writer()
    writer.write("a\ud800b")
    assert terminal.read(3) == b"a?b"
    writer.close()
