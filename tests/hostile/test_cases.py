"""Runs the cases of all modes: the short form in CI, the long form by `python -m tests.hostile`."""

import os
from functools import cache
from random import Random
from zlib import crc32

import pytest

from tests.hostile.cases import MIN_REACHED, Case, Mode
from tests.hostile.modes import MODES

NEEDED = "TRIGGER_TUI_TESTS_NEED_HOSTILE"
"""CI sets this variable for the short form."""

LONG = "TRIGGER_TUI_TESTS_HOSTILE_SEED"
"""The command sets this variable for the long form."""

PARTS = 4
"""Parts of each mode in the long form, so that no core waits for the longest mode."""

SHORT_PARTS = {"terminal": 2, "type-ahead": 2}
"""Parts of the modes whose cases cost nothing to compute, in the short form."""

MIN_CASES = {"poison": 50, "poison-tui": 100, "relay": 50}
"""Cases of the largest modes, at least: the short form has 200."""

IS_SHORT = LONG not in os.environ


@cache
def cases_of(name: str) -> list[Case]:
    return mode_of(name).cases(Random(f"{os.environ.get(LONG, '0')} {name}"), is_short=IS_SHORT)


def mode_of(name: str) -> Mode:
    return next(mode for mode in MODES if mode.name == name)


def parts_of(name: str) -> int:
    return SHORT_PARTS.get(name, 1) if IS_SHORT else PARTS


@pytest.mark.skipif(
    NEEDED not in os.environ and IS_SHORT, reason="a part of .ci/run; python -m tests.hostile runs the long form"
)
@pytest.mark.parametrize(("name", "part"), [(mode.name, part) for mode in MODES for part in range(parts_of(mode.name))])
def test_program_survives_hostile_cases(name: str, part: int) -> None:
    # Cases with the same poison stay together, since they share a session.
    cases = [case for case in cases_of(name) if crc32(case.what.encode()) % parts_of(name) == part]
    results = list(mode_of(name).run(cases))
    assert len(results) == len(cases)
    failed = [f"{result.case.id}: {result.trouble}" for result in results if not result.has_passed]
    assert failed == []
    if IS_SHORT:
        assert len(results) >= MIN_CASES.get(name, 1)
        assert sum(result.is_reached for result in results) >= MIN_REACHED * len(results)
