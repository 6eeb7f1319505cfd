"""Which attempts stand beside each other, when there are more than fit."""

from collections.abc import Sequence
from typing import Final

from tui.domain.attempt import Attempt, AttemptHistory
from tui.lazy_dataclass import dataclass
from tui.present.compared.grid import LABEL
from tui.present.formatting import count

MIN_COLUMN: Final = 33
"""The cells of one attempt with its mark and the gap behind it."""

MIN_COLUMNS: Final = 2
MAX_COLUMNS: Final = 5
MAX_COMPARED: Final = 100
"""The attempts that are compared; of more, the last ones. `AttemptWindow.words` says so."""


@dataclass(frozen=True, slots=True)
class AttemptWindow:
    """The compared attempts, and the part of them that is shown beside each other: `count` from `first` on.

    `total` counts the attempts that are known.
    """

    attempts: tuple[Attempt, ...]
    first: int
    count: int
    total: int

    @property
    def indices(self) -> range:
        """The indices of the shown attempts."""
        return range(self.first, min(self.first + self.count, len(self.attempts)))

    @property
    def shown(self) -> Sequence[Attempt]:
        """The shown attempts."""
        return self.attempts[self.first : self.first + self.count]

    @property
    def can_move(self) -> bool:
        """Whether there are more attempts than are shown."""
        return len(self.attempts) > self.count

    @property
    def words(self) -> str:
        """Return `attempts 2 to 4 of 7` where not all are shown, else an empty text."""
        if not self.can_move and self.total == len(self.attempts):
            return ""
        shown = self.shown
        cut = f", the last {MAX_COMPARED} compared" if self.total > len(self.attempts) else ""
        return f"attempts {shown[0].number} to {shown[-1].number} of {count(self.total)}{cut}"


def columns_for(width: int) -> int:
    """Return how many attempts fit beside each other: 2 at 80 cells, 3 at 120, 5 at 200."""
    return max(MIN_COLUMNS, min(MAX_COLUMNS, (width - LABEL) // MIN_COLUMN))


def window_of(history: AttemptHistory, width: int, last_number: int | None) -> AttemptWindow:
    """Return the attempts to show. The last of them is `last_number`, or the last attempt where it is None."""
    attempts = history.attempts[-MAX_COMPARED:]
    shown = min(columns_for(width), len(attempts))
    ends = [index for index, attempt in enumerate(attempts, 1) if attempt.number == last_number]
    end = max(shown, *ends) if ends else len(attempts)
    return AttemptWindow(attempts, end - shown, shown, len(history.attempts))


def moved(window: AttemptWindow, step: int) -> int | None:
    """Return the number of the last shown attempt after a step to the earlier (-1) or the later (1) ones."""
    if not window.attempts:
        return None
    end = max(window.count, min(len(window.attempts), window.first + window.count + step))
    return window.attempts[end - 1].number
