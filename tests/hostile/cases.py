"""Cases and results as values, and the modes that produce them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from random import Random
from typing import Protocol, Self

SEPARATOR = "|"
"""Parts of a case's id. A `what` may contain it, a mode or a surface may not."""


@dataclass(frozen=True, slots=True, order=True)
class Case:
    """One hostile case: `what` happens to the answers, the connection or the terminal while `surface` is shown."""

    mode: str
    surface: str
    what: str

    @property
    def id(self) -> str:
        """Reproduces the case: `python -m tests.hostile --case ID`."""
        return SEPARATOR.join((self.mode, self.surface, self.what))

    @classmethod
    def parse(cls, text: str) -> Self:
        """Raise ValueError for text that is no id."""
        mode, surface, what = text.split(SEPARATOR, 2)
        return cls(mode, surface, what)

    @property
    def number(self) -> int:
        """A stable number between 0 and 2**32, so that a case picks the same instance at every run."""
        return int.from_bytes(sha256(self.id.encode()).digest()[:4])

    @property
    def marker(self) -> str:
        """Short ASCII text that appears nowhere else: where it is shown, the poison arrived."""
        return f"zq{self.number:08x}"


MIN_REACHED = 0.75
"""Of the short cases of each mode: a suite whose poisons do not arrive proves nothing."""


@dataclass(frozen=True, slots=True)
class Result:
    """`trouble` is empty if the case passed. `is_reached`: the program really met the hostile part; `is_shown`: the
    marker of the poison came out of the program.
    """

    case: Case
    trouble: str = ""
    is_reached: bool = True
    is_shown: bool = False

    @property
    def has_passed(self) -> bool:
        return not self.trouble


class Mode(Protocol):
    """A family of cases. Modes share nothing, so that `--only` and xdist can run them apart."""

    name: str

    def cases(self, random: Random, *, is_short: bool) -> list[Case]:
        """The cases of one run. The same seed returns the same cases."""

    def run(self, cases: Sequence[Case]) -> Iterator[Result]:
        """Run the cases, many in one session where the surface allows it."""
