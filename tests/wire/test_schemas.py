from typing import Annotated, Any, Required, TypedDict

import pytest
from pydantic_core import ValidationError

from tui.wire.schemas import OmittedOnError, bounded, none_on_error, validator_of


class Inner(TypedDict):
    word: Annotated[str, bounded(min_length=1)]


class Row(TypedDict, total=False):
    id: Required[str]
    count: OmittedOnError[Annotated[int, bounded(ge=0)]]
    inner: OmittedOnError[Inner]
    rows: list[Annotated[Inner | None, none_on_error]]
    values: dict[str, Any]


class Child(Row, total=False):
    flag: OmittedOnError[bool]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"id": "a"}, {"id": "a"}),
        ({"id": "a", "unknown": 1}, {"id": "a"}),
        ({"id": "a", "count": -1, "inner": {"word": ""}}, {"id": "a"}),
        ({"id": "a", "count": 2, "inner": {"word": "x"}}, {"id": "a", "count": 2, "inner": {"word": "x"}}),
        ({"id": "a", "rows": [{"word": "x"}, {}, 7]}, {"id": "a", "rows": [{"word": "x"}, None, None]}),
        ({"id": "a", "values": {"k": [1, None]}}, {"id": "a", "values": {"k": [1, None]}}),
        ({"id": "a", "flag": {}}, {"id": "a"}),
    ],
)
def test_validator_drops_what_is_invalid(given: object, expected: object) -> None:
    assert validator_of(Child).validate_python(given) == expected


@pytest.mark.parametrize("given", [{}, {"id": 1}, {"id": "a", "rows": 1}, {"id": "a", "values": {1: 2}}, []])
def test_validator_refuses_what_is_required_and_invalid(given: object) -> None:
    with pytest.raises(ValidationError):
        validator_of(Row).validate_python(given)


def test_list_drops_invalid_items() -> None:
    assert validator_of(list[OmittedOnError[Inner]]).validate_json('[{"word":"x"},{"word":""},3]') == [{"word": "x"}]


def test_unknown_type_is_refused() -> None:
    with pytest.raises(TypeError, match="no schema for"):
        validator_of(set[str])
