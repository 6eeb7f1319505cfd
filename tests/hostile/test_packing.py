"""Poisons of one session do not hide each other, and a run fails if they do not arrive."""

from random import Random

from tests.hostile.__main__ import Row, missed
from tests.hostile.dosing import draw
from tests.hostile.packing import ENTRANCES, chosen_shots, is_structural, shots
from tests.hostile.parts import Part, cases_of, run_part
from tests.hostile.relay_mode import KINDS

LIST, DETAIL = "GET /api/v1/runs", "GET /api/v3/runs/{}"


def test_shots_separate_structural_and_text_poisons() -> None:
    whats = [case.what for case in draw("relay", "", KINDS, Random(0), texts=2, others=2)]
    groups = shots(whats, "relay", KINDS)
    assert sorted(what for group in groups for what in group) == sorted(whats)
    assert {len(set(map(is_structural, group))) for group in groups} == {1}


def test_structural_poison_of_a_list_hides_no_other_route() -> None:
    assert LIST in ENTRANCES
    whats = [f"{LIST}|data[].id|null", f"{DETAIL}|status|null", f"{DETAIL}|tags|missing"]
    assert shots(whats, "relay", KINDS) == [whats[:1], whats[1:]]


def test_chosen_shots_are_the_largest_of_each_sort() -> None:
    whats = [f"{DETAIL}|status|esc-reset", f"{DETAIL}|tags[]|bel", f"{DETAIL}|id|null", "an error|error|bel"]
    assert chosen_shots(whats, "relay", KINDS, texts=1, structures=0) == [whats[:2]]
    assert all(map(is_structural, chosen_shots(whats, "relay", KINDS, texts=0, structures=1)[0]))


def test_mode_fails_when_too_few_cases_are_reached() -> None:
    rows = {("a", "x"): Row(4, 4), ("a", "y"): Row(4, 1), ("b", "x"): Row(4, 3)}
    assert missed(rows) == ["a"]


def test_part_that_hangs_fails_its_cases() -> None:
    part = Part("terminal", 0, is_short=True)
    results = run_part(part, max_s=0.0)
    assert [result.case for result in results] == cases_of(part)
    assert all("hung" in result.trouble and not result.is_reached for result in results)
