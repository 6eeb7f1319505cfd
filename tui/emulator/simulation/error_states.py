"""The state that users give an error group: unresolved, resolved or ignored.

A state changes only through the API. A resolved group whose runs fail again stays resolved, and an ignored one stays
ignored when its time is over (recordings 2701, 2705).
"""

from dataclasses import dataclass

UNRESOLVED = "unresolved"
RESOLVED = "resolved"
IGNORED = "ignored"
WORDS = (UNRESOLVED, RESOLVED, IGNORED)


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorState:
    """The state of one error group. `by` is the id of the user, None for a secret key; times are epoch milliseconds.

    `rate` and `total` are the occurrences a minute and in all that would end an ignored state.
    """

    word: str = UNRESOLVED
    at_ms: int | None = None
    by: str | None = None
    version: str | None = None
    until_ms: int | None = None
    reason: str | None = None
    rate: int | None = None
    total: int | None = None
