"""Which attempt is selected, and which attempts have a row of their own when there are very many."""

from collections.abc import Hashable, Sequence
from typing import Final, NamedTuple

from tui.domain.attempt import Attempt, AttemptHistory, AttemptStatus

FOLDED: Final[Hashable] = "attempts"
"""The key of the row that folds the middle attempts."""

MAX_UNFOLDED: Final = 12
_FIRST, _LAST = 3, 4


class AttemptKey(NamedTuple):
    """The key of the row of an attempt."""

    number: int


def selected_attempt(history: AttemptHistory, picked: int | None) -> Attempt | None:
    """Return the picked attempt, else the last failed one, else the last; None if there is none."""
    attempts = history.attempts
    for attempt in attempts:
        if attempt.number == picked:
            return attempt
    failed = [attempt for attempt in attempts if attempt.status is AttemptStatus.FAILED]
    return (failed or attempts or (None,))[-1]


def stepped(history: AttemptHistory, selected: Attempt | None, step: int) -> int | None:
    """Return the number of the attempt that is `step` away from the selected one, clamped to the first or the last."""
    if selected is None:
        return None
    numbers = [attempt.number for attempt in history.attempts]
    return numbers[max(0, min(len(numbers) - 1, numbers.index(selected.number) + step))]


Group = Attempt | tuple[Attempt, ...]
"""An attempt with a row of its own, or several that share one."""


def groups(attempts: Sequence[Attempt], selected: Attempt | None, *, is_open: bool) -> list[Group]:
    """Return the attempts in order. Of more than `MAX_UNFOLDED` the middle is folded, except the selected one."""
    if len(attempts) <= MAX_UNFOLDED or is_open:
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
