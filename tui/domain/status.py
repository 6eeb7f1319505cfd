"""The statuses of a run: one table with all five vocabularies of the API, and what each status means.

The server's word is never thrown away: a `Status` keeps it beside the canonical status of the run schema.
How a status looks (glyph, colour) is in `present.status`. Source: wire/README.md §2, recordings 010-063,
100-149, 700-751, 830-841; titles and families: the dashboard's.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Final


class RunStatus(StrEnum):
    """The fifteen names of the run schema."""

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

    @property
    def is_final(self) -> bool:
        """Whether a run in this status will never change again."""
        return self in FINAL

    @property
    def is_failed(self) -> bool:
        """Whether it counts as a failure: not a cancel, not an expiry."""
        return self in FAILED

    @property
    def is_cancellable(self) -> bool:
        """Whether a cancel would have an effect."""
        return self not in FINAL


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
    """One status as the dashboard knows it, with the words of each vocabulary ("" or () = none).

    `canonical` is the schema's name (several rows may share one), `rest` the word with the version header,
    `legacy` without it, `database` those of realtime, spans and `triggeredRuns`, `trql` those of queries. REST
    sends `rest_fallback` for a status that has no word of its own there.
    """

    title: str
    canonical: RunStatus
    rest: str
    legacy: str
    database: tuple[str, ...]
    trql: tuple[str, ...]
    specificity: int = 1
    rest_fallback: str = ""


S = RunStatus
STATUS_TABLE: tuple[StatusRow, ...] = (
    StatusRow("Delayed", S.DELAYED, "DELAYED", "DELAYED", ("DELAYED",), ("Delayed",)),
    StatusRow("Queued", S.QUEUED, "QUEUED", "QUEUED", ("PENDING",), ("Queued",)),
    StatusRow(
        "Pending version",
        S.WAITING_FOR_DEPLOY,
        "PENDING_VERSION",
        "WAITING_FOR_DEPLOY",
        ("PENDING_VERSION", "WAITING_FOR_DEPLOY"),
        ("Pending version",),
    ),
    StatusRow("Dequeued", S.EXECUTING, "DEQUEUED", "", ("DEQUEUED",), ("Dequeued",), 2),
    # REST blurs DEQUEUED (legacy) and RETRYING_AFTER_FAILURE (with the header) into EXECUTING, and INTERRUPTED into
    # FAILED: of two words for one moment, these say less.
    StatusRow("Executing", S.EXECUTING, "EXECUTING", "EXECUTING", ("EXECUTING",), ("Executing",), 0),
    StatusRow(
        "Reattempting",
        S.REATTEMPTING,
        "",
        "REATTEMPTING",
        ("RETRYING_AFTER_FAILURE",),
        ("Reattempting",),
        2,
        rest_fallback="EXECUTING",
    ),
    StatusRow(
        "Waiting", S.WAITING_TO_RESUME, "WAITING", "FROZEN", ("WAITING_TO_RESUME", "PAUSED"), ("Waiting", "Paused")
    ),
    StatusRow(
        "Completed", S.COMPLETED_SUCCESSFULLY, "COMPLETED", "COMPLETED", ("COMPLETED_SUCCESSFULLY",), ("Completed",)
    ),
    StatusRow("Failed", S.COMPLETED_WITH_ERRORS, "FAILED", "FAILED", ("COMPLETED_WITH_ERRORS",), ("Failed",), 0),
    StatusRow("Canceled", S.CANCELLED, "CANCELED", "CANCELED", ("CANCELED", "CANCELLED"), ("Canceled",)),
    StatusRow(
        "Interrupted", S.INTERRUPTED, "", "INTERRUPTED", ("INTERRUPTED",), ("Interrupted",), 2, rest_fallback="FAILED"
    ),
    StatusRow("Crashed", S.CRASHED, "CRASHED", "CRASHED", ("CRASHED",), ("Crashed",)),
    StatusRow(
        "System failure",
        S.SYSTEM_FAILURE,
        "SYSTEM_FAILURE",
        "SYSTEM_FAILURE",
        ("SYSTEM_FAILURE",),
        ("System failure",),
    ),
    StatusRow("Expired", S.EXPIRED, "EXPIRED", "EXPIRED", ("EXPIRED",), ("Expired",)),
    StatusRow("Timed out", S.TIMED_OUT, "TIMED_OUT", "TIMED_OUT", ("TIMED_OUT",), ("Timed out",)),
    # The schema has it, no vocabulary of today's servers does: their filter refuses it (wire/README.md §2).
    StatusRow("Failed to run", S.FAILED_TO_RUN, "", "", ("FAILED_TO_RUN",), ()),
)
_ROW_OF_WORD: dict[str, StatusRow] = {
    word: row for row in STATUS_TABLE for word in (row.rest, row.legacy, *row.database, *row.trql) if word
}
_ROW_OF_CANONICAL = {row.canonical: row for row in STATUS_TABLE if row.title != "Dequeued"}


@dataclass(frozen=True, slots=True)
class Status:
    """What the server said, and what it means: `word` as it came, `canonical` for the program, `title` for people.

    `specificity` orders two words for one moment: the greater says more. Unknown words have -1.
    """

    word: str
    canonical: RunStatus
    title: str
    specificity: int

    @property
    def rest_word(self) -> str:
        """The word that REST uses with the version header; a word that we do not know stays as it came."""
        row = _ROW_OF_WORD.get(self.word)
        return self.word if row is None else row.rest or row.rest_fallback or self.word


@lru_cache(maxsize=256)
def parse_status(word: str, *, ended: bool = False) -> Status:
    """Understand a status word of any vocabulary.

    `ended` says whether the run has a finish time: an unknown word counts as COMPLETED_WITH_ERRORS then, as QUEUED
    otherwise, and is its own title. The cache is bounded, since the word is the server's.
    """
    row = _ROW_OF_WORD.get(word)
    if row is None:
        return Status(word, S.COMPLETED_WITH_ERRORS if ended else S.QUEUED, word, -1)
    return Status(word, row.canonical, row.title, row.specificity)


def title_of(status: RunStatus) -> str:
    """The dashboard's title of a canonical status."""
    return _ROW_OF_CANONICAL[status].title


def filter_word(name: str) -> str | None:
    """The word that `filter[status]` takes for what a person typed (any word, title or schema name), or None.

    Spaces, hyphens and case do not matter: `timed-out`, `Timed out`, `TIMED_OUT`. The filter takes the words of both
    REST vocabularies (recordings 044-046) and no other (043, 051).
    """
    wanted = _fold(name)
    for row in STATUS_TABLE:
        names = (row.title, row.canonical, row.rest, row.legacy, *row.database, *row.trql)
        # Dequeued shares its canonical name with Executing, which comes after it: only its own words mean it.
        known = [each for each in names if each and not (row.title == "Dequeued" and each == row.canonical)]
        if any(_fold(each) == wanted for each in known):
            return row.rest or row.legacy or None
    return None


LIVE_WORDS: Final = tuple(row.rest for row in STATUS_TABLE if row.rest and row.canonical in LIVE)
_LIVE_FILTER_WORDS = frozenset(row.rest or row.legacy for row in STATUS_TABLE if row.canonical in LIVE)


def live_statuses(words: Iterable[str]) -> tuple[str, ...]:
    """Those of some filter words that mean live runs; all there are if no words are given, which means every status."""
    asked = tuple(words)
    return tuple(word for word in asked if word in _LIVE_FILTER_WORDS) if asked else LIVE_WORDS


def _fold(name: str) -> str:
    return name.casefold().replace("-", " ").replace("_", " ").strip()
