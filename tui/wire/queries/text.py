"""What all queries share: their base, the bounds of their values, and how a value is written into a text."""

from abc import ABC, abstractmethod
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from functools import reduce
from typing import Final

from tui.domain.filters import MAX_QUERY_PERIOD, query_period
from tui.domain.ids import RunId
from tui.domain.status import FAILED_TRQL_WORDS
from tui.wire.errors import Refused

MAX_ROWS: Final = 10_000
"""The server cuts a result there without notice (recording 2629)."""

MAX_IDS: Final = 200
"""Run ids in one query, about 6 kB of text."""

MAX_NAME_CHARS: Final = 200
MAX_ID_CHARS: Final = 64

LIVE_PERIOD: Final = "7d"
"""How long before its span a query looks for the trigger of runs that start, end or wait in it."""

HOUR: Final = timedelta(hours=1)
MINUTE: Final = timedelta(minutes=1)
DAY: Final = timedelta(days=1)
FAILED: Final = ", ".join(f"'{word}'" for word in FAILED_TRQL_WORDS)


class TrqlQuery(ABC):
    """One query. Its fields are its parameters; `kind` is its name in a relay's messages."""

    @property
    def reach(self) -> str | None:
        """How long ago its runs may have been triggered, such as `1d`; None: as long as a query looks back."""
        return LIVE_PERIOD

    @abstractmethod
    def trql(self) -> str:
        """Return the text. Raises `Refused` for values that cannot stand in it."""


class PeriodQuery(TrqlQuery):
    """A query over a period that the caller chooses."""

    period: str | None

    @property
    def reach(self) -> str | None:
        return self.period


def start_of(moment: datetime, cell: timedelta) -> datetime:
    """Return the beginning of the cell of time that contains a moment."""
    seconds = int(cell.total_seconds())
    return datetime.fromtimestamp(int(moment.timestamp()) // seconds * seconds, UTC)


def days_since(moment: datetime | None, now: datetime) -> str:
    """Return the period that covers a moment: whole days, one more than needed, up to the server's limit."""
    if moment is None:
        return query_period(MAX_QUERY_PERIOD)
    return query_period(timedelta(days=max(0, (now - moment) // DAY) + 1))


def can_quote(name: str) -> bool:
    """Return whether the name of a queue can stand in a TRQL string."""
    return name.isprintable() and len(name) <= MAX_NAME_CHARS and not set(name) & set("'\"\\`{}")


def quoted_id(run_id: RunId) -> str:
    """Return a run id for a TRQL string, without characters that no id has: a user may have typed it."""
    return "".join(letter for letter in run_id if letter.isascii() and (letter.isalnum() or letter in "_-"))


def any_of(conditions: Iterable[str]) -> str:
    """Return the condition that one of them is met. Every recorded call of or() has two arguments."""
    return reduce(lambda left, right: f"or({left}, {right})", conditions)


def ids_text(run_ids: tuple[RunId, ...]) -> str:
    """Return ids as TRQL strings, with commas. Raises `Refused` for none, too many or too long ones."""
    if not 0 < len(run_ids) <= MAX_IDS or any(len(run_id) > MAX_ID_CHARS for run_id in run_ids):
        raise refused(f"{len(run_ids):,} ids")
    return ", ".join(f"'{quoted_id(run_id)}'" for run_id in run_ids)


def name_text(queue: str) -> str:
    """Return the name of a queue for a TRQL string. Raises `Refused` for one that cannot be quoted safely."""
    if not can_quote(queue):
        raise refused("the name of this queue")
    return queue


def time_text(moment: datetime) -> str:
    """Return a time for a TRQL string. One with a `T` or a zone is refused (recording 2645)."""
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")


def refused(what: str) -> Refused:
    """Return the error for a value."""
    return Refused(f"{what} cannot stand in a query", 400)
