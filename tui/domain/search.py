"""How far a search of the server got.

A source reports these values, and the list tells them in its last line.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

SEARCH_PERIOD: Final = timedelta(days=90)
"""How far back a search asks for lists. Source: tests/wire/recordings/README.md."""


class SearchStep(StrEnum):
    """What a search looks through, in the order in which it does."""

    IDS = "ids"
    ERRORS = "errors"
    NAMES = "names"
    LIST = "list"
    OLDER_ERRORS = "older errors"
    OLDER = "older"


@dataclass(frozen=True, slots=True)
class SearchProgress:
    """What was looked at so far, for one filter.

    `step` is what is looked through now, None when the search stands still. `errors_read` of `error_count` errors were
    read. `older_read` runs older than those listed before were read, back to `reached`: None before there is one.
    `is_at_end`: the server has no older runs in the period that it was asked for. `answers` tell what it said to
    questions by name, `trouble` why the search stopped before its end; both are raw text. `unreadable_count` errors
    could not be read. `needs_errors`: whether a run matches may depend on its error. `is_answered`: nothing older can
    match. `has_lists` is false where the source gives no lists, so that older runs cannot be read.
    """

    step: SearchStep | None = None
    errors_read: int = 0
    error_count: int = 0
    older_read: int = 0
    reached: datetime | None = None
    is_at_end: bool = False
    needs_errors: bool = True
    is_answered: bool = False
    has_lists: bool = True
    unreadable_count: int = 0
    answers: tuple[str, ...] = ()
    trouble: str = ""
