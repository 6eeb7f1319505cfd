"""What the driver believes of its terminal: on a real pty."""

import fcntl
import os
import pty
import struct
import termios

import pytest

from tui.ui.driver import FALLBACK_SIZE, MAX_COLUMNS, MAX_ROWS, size_of


@pytest.mark.parametrize(
    ("told", "size"),
    [
        ((120, 40), (120, 40)),
        ((65_535, 65_535), (MAX_COLUMNS, MAX_ROWS)),
        ((0, 0), FALLBACK_SIZE),
        ((0, 50), (FALLBACK_SIZE[0], 50)),
        ((1, 1), (1, 1)),
    ],
)
def test_size_is_the_kernels_within_bounds(
    told: tuple[int, int], size: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "9999999")
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", told[1], told[0], 0, 0))
    assert size_of(slave) == size
    os.close(master)
    os.close(slave)
