"""Shrinking leaves the gestures that fail, within a number of tries."""

from collections.abc import Sequence

from tests.hostile.random_user.gestures import Gesture
from tests.hostile.random_user.shrinking import shrunk

GESTURES = [Gesture("key", key) for key in "abcdefghijklmnopqrstuvwxyz"]
NEEDED = [Gesture("key", key) for key in "cqr"]


def test_only_needed_gestures_are_left() -> None:
    assert shrunk(GESTURES, lambda part: set(part) >= set(NEEDED), max_tries=200) == NEEDED


def test_tries_are_bounded() -> None:
    tried: list[Sequence[Gesture]] = []

    def fails(part: Sequence[Gesture]) -> bool:
        tried.append(part)
        return set(part) >= set(NEEDED)

    left = shrunk(GESTURES, fails, max_tries=5)
    assert len(tried) == 5
    assert set(NEEDED) <= set(left)
    assert len(left) < len(GESTURES)
