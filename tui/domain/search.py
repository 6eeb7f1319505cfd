"""The progress of a search on the server for older runs that match the filter.

`sources.searching` reports it, and the last line of the list shows it.
"""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from tui.lazy_dataclass import dataclass

SEARCH_PERIOD: Final = timedelta(days=90)
"""How far back a search reads lists. Source: tests/wire/recordings/README.md."""


class SearchStep(StrEnum):
    """The steps of a search, in order."""

    IDS = "ids"
    ERRORS = "errors"
    NAMES = "names"
    LIST = "list"
    OLDER_ERRORS = "older errors"
    OLDER = "older"


@dataclass(frozen=True, slots=True)
class SearchProgress:
    """How far the search for one filter has got.

    * `step`: the current step, None if the search is not running.
    * `errors_read` of `error_count` errors of failed runs were read; `unreadable_count` could not be read.
    * `older_read` runs older than the polled list were read, back to the creation time `reached`.
    * `is_at_end`: the server has no older runs in the period of the search.
    * `needs_errors`: whether a run matches may depend on its error.
    * `skips_older`: older runs are not searched, since none of them can match.
    * `has_lists`: the source can read lists. Without lists it cannot read older runs.
    * `answers`: sentences about the lists by name, in raw text.
    * `failure`: why the search stopped early, in raw text.
    """

    step: SearchStep | None = None
    errors_read: int = 0
    error_count: int = 0
    older_read: int = 0
    reached: datetime | None = None
    is_at_end: bool = False
    needs_errors: bool = True
    skips_older: bool = False
    has_lists: bool = True
    unreadable_count: int = 0
    answers: tuple[str, ...] = ()
    failure: str = ""
