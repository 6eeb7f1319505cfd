"""The lenient types: what they accept, what costs a key and what costs its row."""

import json
from typing import Annotated, Any

import pytest
from pydantic import Field, ValidationError

from tui.api.errors import Limits
from tui.api.models import (
    AnyText,
    Cents,
    Count,
    Flag,
    Id,
    Items,
    JsonObject,
    Text,
    Time,
    Word,
    convert,
    decode_rows,
)
from tui.lazy_dataclass import dataclass


@dataclass(frozen=True, slots=True)
class Inner:
    word: str = ""


@dataclass(frozen=True, slots=True)
class Outer:
    id: str
    count: int | None = None
    deep: int = 7
    tags: tuple[str, ...] = ()
    inner: Inner | None = None


OUTER = JsonObject(
    Outer,
    id=Id,
    count=("howMany", Annotated[Count, Field(le=10)]),
    deep=("a/b", Count),
    tags=Items(Text("tag", 3), 2, "tags"),
    inner=JsonObject(Inner, word=Word),
)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"id": "a"}, Outer("a")),
        ({"id": "a", "unknown": 1, "\ud800": 2}, Outer("a")),
        ({"id": "\ud800", "howMany": 2.0}, Outer("\ud800", 2)),
        ({"id": "a", "howMany": 11, "inner": [], "tags": "no", "a": 3}, Outer("a")),
        ({"id": "a", "howMany": None, "inner": {"word": "x"}, "a": {"b": 1}}, Outer("a", None, 1, (), Inner("x"))),
        (
            {"id": "a", "tags": ["b", 3, None, "\udfff"], "inner": {"word": ""}},
            Outer("a", None, 7, ("b", "\udfff"), Inner()),
        ),
    ],
)
def test_reading_drops_what_is_invalid(given: object, expected: object) -> None:
    assert convert(OUTER, given) == expected


def test_rows_are_counted_when_they_are_dropped() -> None:
    body = {"data": [{"id": "a"}, {}, 7, {"id": "b"}, {"id": "c"}], "pagination": {"next": "on", "totalPages": 0}}
    limits = Limits()
    page = decode_rows(OUTER, json.dumps(body).encode(), "the list", "things", limits, max_rows=4)
    assert ([each.id for each in page.rows], page.unreadable, page.is_cut) == (["a", "b"], 2, True)
    assert (page.next, page.page_count) == ("on", 1)
    assert limits.notes == ["5 things on a page, only the first 4 are kept"]


@pytest.mark.parametrize(
    ("hint", "valid", "invalid"),
    [
        (Count, {"1": 1, "1.0": 1, "1e3": 1000}, ["1.5", "true", '"1"', "null", "NaN", "1e400", "-1", "9" * 4_000]),
        (Cents, {"1": 1.0, "0.5": 0.5, "-1": -1.0}, ["true", '"1"', "null", "1" + "0" * 400, "NaN", "1e400"]),
        (Flag, {"true": True, "false": False}, ["0", "1", '"true"', "null"]),
        (AnyText, {'""': "", '"1"': "1", '"\\ud800"': "\ud800"}, ["1", "null", "[]"]),
        (Annotated[str, Text(max_chars=2, min_chars=1)], {'"ab"': "ab"}, ['""', '"abc"', "12"]),
        (Time, {'"soon"': None, "7": None, "null": None}, []),
    ],
)
def test_number_is_no_text_and_no_flag(hint: Any, valid: dict[str, object], invalid: list[str]) -> None:
    read = {text: convert(hint, json.loads(text)) for text in valid}
    assert [(value, type(value)) for value in read.values()] == [(value, type(value)) for value in valid.values()]
    for text in invalid:
        with pytest.raises(ValidationError):
            convert(hint, json.loads(text))
