"""Errors that differ only in data are of one kind."""

import pytest

from tests.support.domain.labelled_errors import DATA, Score, labelled_errors, score
from tui.domain.error import build_error
from tui.domain.error_kinds import ErrorKind, OwnFrame, kind_of
from tui.domain.text import Raw

GOAL = 0.99


def test_kinds_equal_the_labels_of_the_first_file() -> None:
    assert score(labelled_errors("labelled-1.jsonl")) == Score(1.0, 1.0)


@pytest.mark.parametrize("name", sorted(path.name for path in DATA.iterdir()))
def test_kinds_agree_with_labels(name: str) -> None:
    found = score(labelled_errors(name))
    assert min(found) >= GOAL, found


def kind_in(stack: str, message: str = "m") -> ErrorKind:
    return kind_of(build_error(message, name="Error", stack=stack))


@pytest.mark.parametrize(
    "place",
    [
        "/app/src/lib/a.ts",
        "/usr/src/app/src/lib/a.ts",
        "file:///Users/mei/code/shop/src/lib/a.ts",
        "file:///C:/Users/dev/shop/src/lib/a.ts",
        "C:\\Users\\dev\\shop\\src\\lib\\a.ts",
        "/app/.trigger/tmp/build-fqb6xY/src/lib/a.ts",
        "file:///app/src/lib/a.ts?v=17",
        "webpack-internal:///(rsc)/./src/lib/a.ts",
    ],
)
@pytest.mark.parametrize(
    "function", ["load", "async load", "Object.load", "async Module.load", "Object.<anonymous> [as load]"]
)
def test_frame_is_the_same_in_every_build(place: str, function: str) -> None:
    frame = kind_in(f"Error: m\n    at Array.map (<anonymous>)\n    at {function} ({place}:17:4)").frame
    assert frame == OwnFrame(Raw("src/lib/a.ts"), Raw("load"))


@pytest.mark.parametrize(
    ("line", "frame"),
    [
        ("at /app/src/a.ts:1:2", ("src/a.ts", None)),
        ("at new Order (/app/src/a.ts:1:2)", ("src/a.ts", "new Order")),
        ("at eval (eval at render (/app/dist/a.js:7:13), <anonymous>:1:1)", ("dist/a.js", "eval")),
        ("at f (/app/dist/chunk-4F3A2B1C9D.mjs:1:2)", ("dist/chunk-<id>.mjs", "f")),
        ("at f (/app/src/app/handle.ts:1:2)", ("src/app/handle.ts", "f")),
        ("at async Promise.all (index 3)", None),
        ("at f (wasm://wasm/1234:1:2)", None),
        ("at f (/app/node_modules/x/src/a.js:1:2)", None),
    ],
)
def test_own_frame_is_found_in_every_form(line: str, frame: tuple[str, str | None] | None) -> None:
    found = kind_in(f"Error: m\n    {line}").frame
    assert (None if found is None else (found.file, found.function)) == frame


def test_code_of_the_stack_stands_for_a_missing_message() -> None:
    kinds = [
        kind_in(f"AggregateError [{code}]: \n    at f (node:net:1:2)", "") for code in ("ECONNREFUSED", "ETIMEDOUT")
    ]
    assert [kind.message for kind in kinds] == ["ECONNREFUSED", "ETIMEDOUT"]
    assert len({kind.fingerprint for kind in kinds}) == 2
