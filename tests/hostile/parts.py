"""Splits the cases of a mode into parts, so that every core is busy until the end."""

from dataclasses import dataclass
from random import Random
from zlib import crc32

from tests.hostile.cases import Case, Result
from tests.hostile.modes import MODES


@dataclass(frozen=True, slots=True)
class Part:
    """One of `count` parts of a mode's cases."""

    mode: str
    seed: int
    is_short: bool
    index: int = 0
    count: int = 1


def cases_of(part: Part) -> list[Case]:
    """Return the cases of a part. Cases with the same poison stay together, since they share a session."""
    mode = next(mode for mode in MODES if mode.name == part.mode)
    cases = mode.cases(Random(f"{part.seed} {part.mode}"), is_short=part.is_short)
    return [case for case in cases if crc32(case.what.encode()) % part.count == part.index]


def run_part(part: Part) -> list[Result]:
    """Run a part, in any process."""
    mode = next(mode for mode in MODES if mode.name == part.mode)
    return list(mode.run(cases_of(part)))
