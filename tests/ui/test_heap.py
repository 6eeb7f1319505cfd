"""The heap is trimmed after something large was dropped, not at once."""

import pytest

from tui.kit import heap


class Clock:
    """Keeps what is to be called later."""

    def __init__(self) -> None:
        self.delays_s: list[float] = []

    def call_later(self, delay_s: float, call: object) -> None:
        assert call is heap.trim
        self.delays_s.append(delay_s)


@pytest.mark.parametrize(("dropped", "delays_s"), [(heap.LARGE - 1, []), (heap.LARGE, [heap.TRIM_AFTER_S])])
def test_heap_is_trimmed_after_something_large(dropped: int, delays_s: list[float]) -> None:
    clock = Clock()
    heap.trim_soon(clock, dropped)  # type: ignore[arg-type]  # the part of a clock that it needs
    assert clock.delays_s == delays_s


def test_heap_without_glibc_stays_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    heap.trim()
    monkeypatch.setattr("ctypes.CDLL", lambda _: object())
    heap.trim()
