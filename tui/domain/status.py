"""The statuses of a run, in one table, and the words that each part of the API uses for them.

The API has five vocabularies: the run schema, REST with and without the version header, the database, and TRQL queries.
A `Status` keeps the server's word beside the canonical status of the run schema. The titles are the dashboard's.
`text.status` has the glyph and the colour of each status.
Source: tests/wire/recordings/README.md §2.
"""

from collections.abc import Iterable
from enum import StrEnum
from functools import lru_cache
from typing import Final

from tui.lazy_dataclass import dataclass


class RunStatus(StrEnum):
    """The canonical statuses: the fifteen names of the run schema."""

    QUEUED = "QUEUED"
    EXECUTING = "EXECUTING"
    REATTEMPTING = "REATTEMPTING"
    WAITING_FOR_DEPLOY = "WAITING_FOR_DEPLOY"
    WAITING_TO_RESUME = "WAITING_TO_RESUME"
    COMPLETED_SUCCESSFULLY = "COMPLETED_SUCCESSFULLY"
    COMPLETED_WITH_ERRORS = "COMPLETED_WITH_ERRORS"
    INTERRUPTED = "INTERRUPTED"
    CANCELLED = "CANCELLED"
    CRASHED = "CRASHED"
    FAILED_TO_RUN = "FAILED_TO_RUN"
    TIMED_OUT = "TIMED_OUT"
    EXPIRED = "EXPIRED"
    DELAYED = "DELAYED"
    SYSTEM_FAILURE = "SYSTEM_FAILURE"

    __hash__ = str.__hash__  # that of `Enum` is a function in Python: six times slower, at each look into a set

    @property
    def is_final(self) -> bool:
        """Whether a run in this status has ended."""
        return self in FINAL

    @property
    def is_failed(self) -> bool:
        """Whether the status counts as a failure. A canceled or expired run has not failed."""
        return self in FAILED


FAILED = frozenset(
    {
        RunStatus.COMPLETED_WITH_ERRORS,
        RunStatus.INTERRUPTED,
        RunStatus.SYSTEM_FAILURE,
        RunStatus.CRASHED,
        RunStatus.TIMED_OUT,
        RunStatus.FAILED_TO_RUN,
    }
)
FINAL = FAILED | {RunStatus.COMPLETED_SUCCESSFULLY, RunStatus.CANCELLED, RunStatus.EXPIRED}
LIVE = frozenset(RunStatus) - FINAL
QUEUED_FAMILY = frozenset({RunStatus.DELAYED, RunStatus.QUEUED, RunStatus.WAITING_FOR_DEPLOY})
EXECUTING_FAMILY = frozenset({RunStatus.EXECUTING, RunStatus.REATTEMPTING})


@dataclass(frozen=True, slots=True)
class StatusRow:
    """One status of the dashboard, with its words in each vocabulary; "" or () for none.

    * `canonical`: the name in the run schema. Several rows may share one.
    * `rest`: REST's word if the request has the version header, unless another status uses that word too.
    * `rest_fallback`: the word of another status, which REST uses for a status without a `rest` word.
    * `legacy`: REST's word without the version header.
    * `database`: the words of the realtime feed, of spans and of `triggeredRuns`.
    * `trql`: the words of queries.
    * `filter`: the word of `filter[status]`. A server refuses a request with a word that it does not know, so
      only a status that all servers accept has one.
    * `specificity`: of two statuses read for the same moment, the more specific one wins.
    """

    title: str
    canonical: RunStatus
    rest: str
    legacy: str
    database: tuple[str, ...]
    trql: tuple[str, ...]
    filter: str = ""
    specificity: int = 1
    rest_fallback: str = ""


S = RunStatus
STATUS_TABLE: tuple[StatusRow, ...] = (
    StatusRow("Delayed", S.DELAYED, "DELAYED", "DELAYED", ("DELAYED",), ("Delayed",), "DELAYED"),
    StatusRow("Queued", S.QUEUED, "QUEUED", "QUEUED", ("PENDING",), ("Queued",), "QUEUED"),
    StatusRow("Pending version", S.WAITING_FOR_DEPLOY, "PENDING_VERSION", "WAITING_FOR_DEPLOY",
              ("PENDING_VERSION", "WAITING_FOR_DEPLOY"), ("Pending version",), "PENDING_VERSION"),
    StatusRow("Dequeued", S.EXECUTING, "DEQUEUED", "", ("DEQUEUED",), ("Dequeued",), "DEQUEUED", 2),
    # EXECUTING and FAILED are the least specific: REST also sends EXECUTING for DEQUEUED (legacy) and
    # RETRYING_AFTER_FAILURE (with the header), and FAILED for INTERRUPTED.
    StatusRow("Executing", S.EXECUTING, "EXECUTING", "EXECUTING", ("EXECUTING",), ("Executing",), "EXECUTING", 0),
    StatusRow("Reattempting", S.REATTEMPTING, "", "REATTEMPTING",
              ("RETRYING_AFTER_FAILURE",), ("Reattempting",), "REATTEMPTING", 2, "EXECUTING"),
    StatusRow("Waiting", S.WAITING_TO_RESUME, "WAITING", "FROZEN",
              ("WAITING_TO_RESUME", "PAUSED"), ("Waiting", "Paused"), "WAITING"),
    StatusRow("Completed", S.COMPLETED_SUCCESSFULLY, "COMPLETED", "COMPLETED",
              ("COMPLETED_SUCCESSFULLY",), ("Completed",), "COMPLETED"),
    StatusRow("Failed", S.COMPLETED_WITH_ERRORS, "FAILED", "FAILED",
              ("COMPLETED_WITH_ERRORS",), ("Failed",), "FAILED", 0),
    StatusRow("Canceled", S.CANCELLED, "CANCELED", "CANCELED", ("CANCELED", "CANCELLED"), ("Canceled",), "CANCELED"),
    StatusRow("Interrupted", S.INTERRUPTED, "", "INTERRUPTED",
              ("INTERRUPTED",), ("Interrupted",), "INTERRUPTED", 2, "FAILED"),
    StatusRow("Crashed", S.CRASHED, "CRASHED", "CRASHED", ("CRASHED",), ("Crashed",), "CRASHED"),
    StatusRow("System failure", S.SYSTEM_FAILURE, "SYSTEM_FAILURE", "SYSTEM_FAILURE",
              ("SYSTEM_FAILURE",), ("System failure",), "SYSTEM_FAILURE"),
    StatusRow("Expired", S.EXPIRED, "EXPIRED", "EXPIRED", ("EXPIRED",), ("Expired",), "EXPIRED"),
    StatusRow("Timed out", S.TIMED_OUT, "TIMED_OUT", "TIMED_OUT", ("TIMED_OUT",), ("Timed out",), "TIMED_OUT"),
    # Only the run schema has it. The status filter of current servers rejects it.
    StatusRow("Failed to run", S.FAILED_TO_RUN, "", "", ("FAILED_TO_RUN",), ()),
)  # fmt: skip
"""Each canonical name is also a word of the row that it means: EXECUTING is not Dequeued."""


def fold(name: str) -> str:
    """Return a name in lower case, with spaces for hyphens and underscores."""
    return name.casefold().replace("-", " ").replace("_", " ")


def _rows_by_name() -> dict[str, list[StatusRow]]:
    found: dict[str, list[StatusRow]] = {}
    for row in STATUS_TABLE:
        names = (row.title, row.rest, row.legacy, *row.database, *row.trql)
        for name in {fold(each) for each in names if each}:
            found.setdefault(name, []).append(row)
    return found


ROWS_BY_NAME: Final = _rows_by_name()
"""The statuses that each name of any vocabulary stands for, by the folded name."""

_ROW_OF_WORD: dict[str, StatusRow] = {
    word: row for row in STATUS_TABLE for word in (row.rest, row.legacy, *row.database, *row.trql) if word
}


@dataclass(frozen=True, slots=True)
class Status:
    """A status: `word` as the server sent it, its `canonical` meaning, and the `title` that users see.

    Of two statuses read for the same moment, the one with the greater `specificity` wins. An unknown word has -1.
    """

    word: str
    canonical: RunStatus
    title: str
    specificity: int

    @property
    def rest_word(self) -> str:
        """REST's word with the version header. An unknown word stays as the server sent it."""
        row = _ROW_OF_WORD.get(self.word)
        return self.word if row is None else row.rest or row.rest_fallback or self.word


@lru_cache(maxsize=256)
def parse_status(word: str, *, ended: bool = False) -> Status:
    """Parse a status word of any vocabulary.

    An unknown word is its own title. It counts as COMPLETED_WITH_ERRORS if the run has `ended`, otherwise as QUEUED.
    The cache is bounded, since a server may send any word.
    """
    row = _ROW_OF_WORD.get(word)
    if row is None:
        return Status(word, S.COMPLETED_WITH_ERRORS if ended else S.QUEUED, word, -1)
    return Status(word, row.canonical, row.title, row.specificity)


def title_of(status: RunStatus) -> str:
    """Return the dashboard's title of a canonical status."""
    return _ROW_OF_WORD[status].title


def filter_word(name: str) -> str | None:
    """Translate a status, as a user types it, into a word that `filter[status]` accepts; None if there is none.

    It may be the title or a word of any vocabulary.
    Case, spaces, hyphens and underscores do not matter. The server accepts the words of both REST vocabularies and
    rejects all others. Source: tests/wire/recordings/README.md §3.
    """
    rows = ROWS_BY_NAME.get(fold(name).strip(), ())
    return next((row.filter or None for row in rows), None)


def _filter_words(statuses: frozenset[RunStatus]) -> tuple[str, ...]:
    """Return the words that select statuses. REST selects a status without an own word by the fallback."""
    return tuple(row.filter for row in STATUS_TABLE if row.filter and row.rest and row.canonical in statuses)


LIVE_WORDS: Final = _filter_words(LIVE)
FAILED_WORDS: Final = _filter_words(FAILED)
FAILED_TRQL_WORDS: Final = tuple(word for row in STATUS_TABLE if row.canonical in FAILED for word in row.trql)
RUNNING_STATUSES: Final = EXECUTING_FAMILY | {RunStatus.WAITING_TO_RESUME}
RUNNING_WORDS: Final = _filter_words(RUNNING_STATUSES)
QUEUED_WORDS: Final = _filter_words(QUEUED_FAMILY)
"""Values of `filter[status]`. EXECUTING does not match DEQUEUED rows. Source: tests/wire/recordings/README.md §2."""

_LIVE_FILTER_WORDS = frozenset(row.filter for row in STATUS_TABLE if row.canonical in LIVE)


def live_statuses(words: Iterable[str]) -> tuple[str, ...]:
    """Return the words of a status filter that stand for live statuses. An empty filter selects all statuses."""
    wanted = tuple(words)
    return tuple(word for word in wanted if word in _LIVE_FILTER_WORDS) if wanted else LIVE_WORDS
