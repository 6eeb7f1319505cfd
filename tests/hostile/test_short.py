"""Runs the short form of the suite: the cases of `python -m tests.hostile --short`. Only CI does."""

import os
from functools import cache
from random import Random

import pytest

from tests.hostile.cases import MIN_REACHED, Case, Mode
from tests.hostile.modes import MODES

NEEDED = "TRIGGER_TUI_TESTS_NEED_HOSTILE"
"""CI sets this variable. Elsewhere, the command runs the same cases."""

SHARDS = {"terminal": 2, "type-ahead": 2}
"""Parts of each mode whose cases cost nothing to compute. Two workers share the work, and no session runs twice."""

MIN_CASES = {"poison": 50, "poison-tui": 100, "relay": 50}
"""Cases of the largest modes, at least: the short form has 200."""


@cache
def cases_of(name: str) -> list[Case]:
    return mode_of(name).cases(Random(f"0 {name}"), is_short=True)


def mode_of(name: str) -> Mode:
    return next(mode for mode in MODES if mode.name == name)


@pytest.mark.skipif(NEEDED not in os.environ, reason="a part of .ci/run: python -m tests.hostile --short")
@pytest.mark.parametrize(
    ("name", "shard"), [(mode.name, shard) for mode in MODES for shard in range(SHARDS.get(mode.name, 1))]
)
def test_program_survives_hostile_cases(name: str, shard: int) -> None:
    surfaces = list(dict.fromkeys(case.surface for case in cases_of(name)))[shard :: SHARDS.get(name, 1)]
    cases = [case for case in cases_of(name) if case.surface in surfaces]
    results = list(mode_of(name).run(cases))
    assert len(results) == len(cases) >= MIN_CASES.get(name, 1)
    assert sum(result.is_reached for result in results) >= MIN_REACHED * len(results)
    failed = [result for result in results if not result.has_passed]
    assert [f"{result.case.id}: {result.trouble}" for result in failed] == []
