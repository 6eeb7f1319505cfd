"""Records up to which moment each part of the list has been read."""

from collections.abc import Iterable, Mapping
from dataclasses import field, replace
from datetime import datetime
from enum import StrEnum
from typing import Self

from tui.lazy_dataclass import dataclass


class Part(StrEnum):
    """A part of the list that is read on its own."""

    NEWEST = "newest"
    RUNNING = "running"
    QUEUED = "queued"


@dataclass(frozen=True, slots=True)
class ListProgress:
    """When the pass over each part started, and when the last finished one did. All times are the server's.

    A change that was made before a finished pass started is known.
    """

    started_at: Mapping[Part, datetime] = field(default_factory=dict)
    read_until: Mapping[Part, datetime] = field(default_factory=dict)
    skipped_at: datetime | None = None
    """When live runs were last skipped: by a catch-up that reached its bound, or by a page that was cut."""

    def restart(self) -> Self:
        """Count no part as read, after a failure."""
        return replace(self, read_until={})

    def start(self, parts: Iterable[Part], at: datetime) -> Self:
        """Record that a pass over these parts starts."""
        return replace(self, started_at={**self.started_at, **dict.fromkeys(parts, at)})

    def finish(self, parts: Iterable[Part]) -> Self:
        """Record that the pass over these parts is done."""
        return replace(self, read_until={**self.read_until, **{part: self.started_at[part] for part in parts}})

    def skip(self, at: datetime) -> Self:
        """Record that live runs may have been skipped."""
        return replace(self, skipped_at=at)

    @property
    def complete_until(self) -> datetime | None:
        """Return the moment up to which every part was read, None while one was not read at all."""
        return min(self.read_until.values()) if len(self.read_until) == len(Part) else None

    def has_all_live(self, older_until: datetime | None) -> bool:
        """Whether no live run was skipped since the last passes. `older_until` is when the pass over older runs
        started.
        """
        passes = (self.read_until.get(Part.RUNNING), self.read_until.get(Part.QUEUED), older_until)
        return all(until is not None and (self.skipped_at is None or until > self.skipped_at) for until in passes)
