"""Cases and results as values, and the modes that produce them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from random import Random
from typing import Protocol, Self

SEPARATOR = "|"
"""Separates the parts of a case's id. The last part may contain it."""


@dataclass(frozen=True, slots=True, order=True)
class Case:
    """One hostile case: `what` names the attack, and `surface` the command or screen that it is tried on."""

    mode: str
    surface: str
    what: str

    @property
    def id(self) -> str:
        """Reproduces the case: `python -m tests.hostile --case ID`."""
        return SEPARATOR.join((self.mode, self.surface, self.what))

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse an id. Raises ValueError."""
        mode, surface, what = text.split(SEPARATOR, 2)
        return cls(mode, surface, what)

    @property
    def number(self) -> int:
        """A hash between 0 and 2**32, so that a case makes the same choices at every run."""
        return int.from_bytes(sha256(self.id.encode()).digest()[:4])

    @property
    def marker(self) -> str:
        """A short unique ASCII text in the poison."""
        return f"zq{self.number:08x}"


MIN_REACHED = 0.75
"""The share of the short cases of each mode that must reach the program, or the suite proves nothing."""


@dataclass(frozen=True, slots=True)
class Result:
    """The result of a case. `trouble` is empty if it passed. `is_reached`: the program received the hostile input."""

    case: Case
    trouble: str = ""
    is_reached: bool = True

    @property
    def has_passed(self) -> bool:
        return not self.trouble


class Mode(Protocol):
    """A family of cases. Modes share no state, so that `--only` and xdist can run them separately."""

    name: str

    def cases(self, random: Random, *, is_short: bool) -> list[Case]:
        """Return the cases of one run. The same seed returns the same cases."""

    def run(self, cases: Sequence[Case]) -> Iterator[Result]:
        """Run the cases, many of them in one session if the surface allows it."""
