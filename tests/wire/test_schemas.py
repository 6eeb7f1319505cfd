import json
import math
from typing import Annotated, Any, Required, TypedDict

import pytest

from tui.api.models import InvalidShape, OmittedOnError, finite, in_range, none_on_error, of_length, read_as


class Inner(TypedDict):
    word: Annotated[str, of_length(1)]


class Row(TypedDict, total=False):
    id: Required[str]
    count: OmittedOnError[Annotated[int, in_range(0, 10)]]
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
def test_reading_drops_what_is_invalid(given: object, expected: object) -> None:
    assert read_as(Child, given) == expected


@pytest.mark.parametrize("given", [{}, {"id": 1}, {"id": "a", "rows": 1}, {"id": "a", "values": [2]}, []])
def test_reading_refuses_what_is_required_and_invalid(given: object) -> None:
    with pytest.raises(InvalidShape):
        read_as(Row, given)


def test_list_drops_invalid_items() -> None:
    assert read_as(list[OmittedOnError[Inner]], [{"word": "x"}, {"word": ""}, 3]) == [{"word": "x"}]


def test_unknown_type_is_refused() -> None:
    with pytest.raises(TypeError, match="no schema for"):
        read_as(set[str], [])


@pytest.mark.parametrize(
    ("hint", "valid", "invalid"),
    [
        (int, {"1": 1, "1.0": 1, "1e3": 1000}, ["1.5", "true", '"1"', "null", "NaN", "1e400"]),
        (float, {"1": 1.0, "0.5": 0.5, "1e400": math.inf}, ["true", '"1"', "null", "1" + "0" * 400]),
        (bool, {"true": True, "false": False}, ["0", "1", '"true"', "null"]),
        (str, {'""': "", '"1"': "1"}, ["1", "null", "[]"]),
        (Annotated[float, finite], {"2": 2.0}, ["NaN", "1e400", "-Infinity"]),
        (Annotated[float, in_range(0, 2)], {"0": 0.0, "2": 2.0}, ["-0.1", "2.1", "NaN"]),
        (Annotated[str, of_length(1, 2)], {'"ab"': "ab"}, ['""', '"abc"', "12"]),
    ],
)
def test_number_is_no_text_and_no_flag(hint: Any, valid: dict[str, object], invalid: list[str]) -> None:
    read = {text: read_as(hint, json.loads(text)) for text in valid}
    assert [(value, type(value)) for value in read.values()] == [(value, type(value)) for value in valid.values()]
    for text in invalid:
        with pytest.raises(InvalidShape):
            read_as(hint, json.loads(text))
