"""The heap is trimmed where the C library can do that."""

import pytest

from tui.kit import heap


def test_heap_without_glibc_stays_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    heap.trim()
    monkeypatch.setattr("ctypes.CDLL", lambda _: object())
    heap.trim()
