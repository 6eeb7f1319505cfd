"""Time zones by the name that the config file gives them: `UTC`, `local`, or one of the IANA database."""

import time
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Final

LOCAL: Final = "local"
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_HOUR_S: Final = 3600


class LocalZone(tzinfo):
    """The zone of this machine: the variable TZ, or /etc/localtime. The C library knows its changes to summer time."""

    def __repr__(self) -> str:
        return "LocalZone()"

    def utcoffset(self, at: datetime | None) -> timedelta:
        return timedelta(seconds=self._local(at).tm_gmtoff)

    def dst(self, at: datetime | None) -> timedelta:
        return timedelta(seconds=_HOUR_S if self._local(at).tm_isdst > 0 else 0)

    def tzname(self, at: datetime | None) -> str:
        return self._local(at).tm_zone

    def fromutc(self, at: datetime) -> datetime:
        """Return a time in UTC, given with this zone, as local time."""
        utc = at.replace(tzinfo=UTC)
        local = self._at((utc - _EPOCH) // timedelta(seconds=1))
        shown = utc.replace(tzinfo=None) + timedelta(seconds=local.tm_gmtoff)
        first = shown.replace(tzinfo=self, fold=0)
        return first if self.utcoffset(first).total_seconds() == local.tm_gmtoff else first.replace(fold=1)

    def _local(self, at: datetime | None) -> time.struct_time:
        """Return what the C library says of a local time, which a change to winter time makes ambiguous."""
        if at is None:
            return time.localtime()
        stamp_s = (at.replace(tzinfo=UTC) - _EPOCH) // timedelta(seconds=1)
        # As PEP 495 has it: of the two offsets around a change, `fold` chooses the later one.
        offsets = {self._at(stamp_s + shift * 24 * _HOUR_S).tm_gmtoff: None for shift in (-1, 1)}
        found = [self._at(stamp_s - offset_s) for offset_s in offsets]
        fitting = [local for offset_s, local in zip(offsets, found, strict=True) if local.tm_gmtoff == offset_s]
        candidates = fitting or found
        return candidates[-1] if at.fold else candidates[0]

    @staticmethod
    def _at(stamp_s: int) -> time.struct_time:
        try:
            return time.localtime(stamp_s)
        except (OverflowError, OSError, ValueError):  # a year that the C library does not have
            return time.gmtime(0)


def zone_of(name: str) -> tzinfo:
    """Return the zone of a name. Raises `ValueError` for a name that this machine does not know."""
    if name.upper() == "UTC":
        return UTC
    if name.lower() == LOCAL:
        return LocalZone()
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError  # noqa: PLC0415  half a millisecond, which UTC does not need

    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError, RecursionError) as error:  # `Europe`; `a/a/a/…`
        raise ValueError(name) from error


def has_zones() -> bool:
    """Return whether this machine knows zones by name: from /usr/share/zoneinfo, or from the package tzdata."""
    try:
        zone_of("Europe/London")
    except ValueError:
        return False
    return True
