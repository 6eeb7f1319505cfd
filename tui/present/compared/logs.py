"""How many lines each attempt logged."""

from collections.abc import Mapping
from typing import NamedTuple

from tui.lazy_dataclass import dataclass
from tui.present import formatting


class LogCount(NamedTuple):
    """The log lines of one attempt, and how many of them are warnings and errors."""

    lines: int = 0
    warns: int = 0
    errors: int = 0

    @property
    def words(self) -> str:
        """The counts in words: `12 lines, 1 warn`."""
        if not self.lines:
            return "none"
        counts = ((self.warns, "warn"), (self.errors, "error"))
        return ", ".join(
            [formatting.plural(self.lines, "line"), *(formatting.plural(*each) for each in counts if each[0])]
        )


@dataclass(frozen=True, slots=True)
class LogCounts:
    """The log lines of a run by the number of the attempt.

    * `by_attempt`: None while they are being read, or if they cannot be read
    * `note`: a sentence about why they are missing or cut, in raw text
    """

    by_attempt: Mapping[int, LogCount] | None = None
    note: str = ""
