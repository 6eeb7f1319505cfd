"""Durations as the wall shows them: short, since tenths of a minute cannot be read across a room."""

from datetime import timedelta
from typing import Final

from tui.present import formatting

_TENTH: Final = timedelta(milliseconds=100)
_SECOND: Final = timedelta(seconds=1)
_MINUTE: Final = timedelta(minutes=1)


def brief_duration(value: timedelta | None) -> str:
    """Return `40ms` `0.4s` `31s` `4m02s` `9m` `12h32m` `2h`, `·` where it is not known."""
    if value is not None and _TENTH <= value < _SECOND:
        tenths = round(value / _TENTH)
        return f"{tenths // 10}.{tenths % 10}s"
    text = formatting.duration(value)
    text = text.removesuffix("00s") if text.endswith("m00s") else text
    return text.removesuffix("00m") if text.endswith("h00m") else text


def waited(value: timedelta, *, in_minutes: bool = False) -> str:
    """Return how long something waits: `31s` `11m` `6h` `2d`; `in_minutes` from `<1m`."""
    value = max(value, timedelta())
    if value < _MINUTE:
        return formatting.UNDER_A_MINUTE if in_minutes else f"{value // _SECOND}s"
    text = formatting.duration(value, in_minutes=True)
    return text.removesuffix("00m") if text.endswith("h00m") else text
