"""A row of the table of figures, and what measuring it gives."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

PEERS = ("htop", "tig", "btop")
"""Programs to compare with, each measured if it is installed."""


@dataclass(frozen=True, slots=True)
class Effort:
    """How long to measure. `soak_minutes` is the length of the longest figure, which is left out if it is 0."""

    is_quick: bool = False
    soak_minutes: float = 0.0

    def pick(self, full: float, quick: float) -> float:
        """Return one of two durations or counts."""
        return quick if self.is_quick else full


@dataclass(frozen=True, slots=True)
class Reading:
    """What was measured, and whether it meets the goal (None: there is none, or it was not measured)."""

    measured: str
    is_met: bool | None
    bare: str = ""
    peers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Row:
    """One figure: its number in the issue, its name with the conditions, its goal, and how it is measured."""

    number: str
    figure: str
    goal: str
    measure: Callable[[Effort], Reading]


MAX_RATIO = 1.2


def allowed_bytes(number: float, minimum: float) -> float:
    """Return the goal for bytes: the number of the issue, or 1.2 x the minimum of the change if the number is lower."""
    return max(number, MAX_RATIO * minimum)
