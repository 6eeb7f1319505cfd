"""Which attempts of a run are looked at: the one that is selected, and those that have a row where there are very many.

What lives here: the choice alone. How the rows look is `attempt_table`'s.
"""

from collections.abc import Hashable, Sequence
from typing import Final, NamedTuple

from tui.domain.attempt import Attempt, AttemptHistory, AttemptStatus

FOLDED: Final[Hashable] = "attempts"
"""The key of the middle of very many attempts."""

MOST: Final = 12
_FIRST, _LAST = 3, 4


class AttemptKey(NamedTuple):
    """What finds the row of an attempt."""

    number: int


def selected_attempt(history: AttemptHistory, picked: int | None) -> Attempt | None:
    """The attempt that is looked at: the picked one, else the last that failed, else the last; None: there is none."""
    attempts = history.attempts
    for attempt in attempts:
        if attempt.number == picked:
            return attempt
    failed = [attempt for attempt in attempts if attempt.status is AttemptStatus.FAILED]
    return (failed or attempts or (None,))[-1]


def stepped(history: AttemptHistory, selected: Attempt | None, step: int) -> int | None:
    """The number of the attempt so many steps from the selected one; the ends are ends."""
    if selected is None:
        return None
    numbers = [attempt.number for attempt in history.attempts]
    return numbers[max(0, min(len(numbers) - 1, numbers.index(selected.number) + step))]


Group = Attempt | tuple[Attempt, ...]
"""An attempt with a row of its own, or those that share one."""


def groups(attempts: Sequence[Attempt], selected: Attempt | None, *, is_open: bool) -> list[Group]:
    """The attempts in order. Of more than `MOST` the middle is folded, unless it is opened; the selected one stays."""
    if len(attempts) <= MOST or is_open:
        return list(attempts)
    found: list[Group] = [*attempts[:_FIRST]]
    folded: list[Attempt] = []
    for attempt in attempts[_FIRST:-_LAST]:
        if attempt is not selected:
            folded.append(attempt)
            continue
        if folded:
            found.append(tuple(folded))
        found.append(attempt)
        folded = []
    if folded:
        found.append(tuple(folded))
    return [*found, *attempts[-_LAST:]]
