"""What the settings of the bell say for a word and a time of day."""

from datetime import datetime, time
from typing import TYPE_CHECKING, Final

from tui.lazy_dataclass import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tui.settings.schema import Bell

FINDING_FIELDS: Final = ("failing", "slow", "missing", "stuck")
"""The words of findings that may have a ring of their own."""

NOT_KNOWN_FIELD: Final = "not_known"
DEFAULT: Final = "default"


@dataclass(frozen=True, slots=True)
class Rings:
    """How to call the user."""

    bell: bool = False
    notice: bool = False

    def __or__(self, other: "Rings") -> "Rings":
        return Rings(self.bell or other.bell, self.notice or other.notice)


def rings_for(bell: "Bell | None", word: str) -> Rings:
    """Return how to call the user for a word: that of a finding, such as FAILING, or NOT KNOWN."""
    if bell is None:
        return Rings()
    ring = getattr(bell, word.lower().replace(" ", "_"))
    if ring == DEFAULT:
        ring = bell.ring
    return Rings(bell=ring in {"bell", "both"}, notice=ring in {"notice", "both"})


def is_calling(bell: "Bell | None") -> bool:
    """Return whether anything may call the user."""
    words = (*FINDING_FIELDS, NOT_KNOWN_FIELD)
    return bell is not None and (bool(bell.on_alert) or any(rings_for(bell, word) != Rings() for word in words))


def is_quiet(spans: "Iterable[str]", at: datetime) -> bool:
    """Return whether a moment is in one of the spans, such as `22:00-07:00`: from the first minute until the second.

    `at` is in the zone of the settings: its clock decides, also on the days on which it is changed. A span that ends
    where it begins is the whole day.
    """
    return any(_holds(span, at.time()) for span in spans)


def _holds(span: str, at: time) -> bool:
    start, end = (time.fromisoformat(each) for each in span.split("-"))
    return start <= at < end if start < end else at >= start or at < end
