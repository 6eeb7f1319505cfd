"""For values that may be missing by their type alone."""

from typing import TypeVar

T = TypeVar("T")


def sure(value: T | None) -> T:
    """Return a value that must be there."""
    assert value is not None
    return value
