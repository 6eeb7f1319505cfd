"""Equal values have the same canonical text."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests.support.domain.patches import bodies, errors, histories, json_values
from tui.store.merge import canonical, is_same

values = json_values | bodies | errors | histories


@given(st.lists(values, min_size=2, max_size=2))
def test_values_share_a_text_exactly_if_they_are_equal(pair: list[object]) -> None:
    first, second = pair
    assert (canonical(first) == canonical(second)) == (first == second)


def test_numbers_out_of_bounds_have_a_text() -> None:
    assert canonical(10**10_000) != canonical(10**10_000 + 1)
    assert len({canonical(float(word)) for word in ("inf", "-inf", "nan")}) == 3


def nested(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value


def test_values_nested_deeper_than_the_stack_are_compared() -> None:
    assert is_same(nested(50_000), nested(50_000))
    assert not is_same(nested(50_000), nested(50_001))
