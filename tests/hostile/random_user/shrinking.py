"""Finds a short list of gestures that still fails, by leaving out halves, then quarters, and so on."""

from collections.abc import Callable, Sequence

from tests.hostile.random_user.gestures import Gesture

Fails = Callable[[Sequence[Gesture]], bool]


def shrunk(gestures: Sequence[Gesture], fails: Fails, *, max_tries: int) -> list[Gesture]:
    """Return a part of `gestures` for which `fails` is true, after at most `max_tries` calls of it."""
    kept = list(gestures)
    size = len(kept) // 2
    while size:
        at = 0
        while at < len(kept):
            if not max_tries:
                return kept
            max_tries -= 1
            rest = kept[:at] + kept[at + size :]
            if fails(rest):
                kept = rest
            else:
                at += size
        size //= 2
    return kept
