"""Stacks, causes and aggregate errors in logged text, as Node 20 prints them, and how texts are kept."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.domain.log import (
    MAX_DEPTH,
    MAX_LINES,
    NOT_PARSED,
    Frames,
    InnerError,
    LoggedPart,
    TextLines,
    Texts,
    parse_logged_text,
)
from tui.domain.text import Raw

CAUSES = """failed: Error: outer
    at run (file:///app/src/a.ts:3:4)
    ... 4 lines matching cause stack trace ...
    at node:internal/main/eval_string:51:3 {
  code: 'E',
  [cause]: Error: inner
  with two lines
      at load (file:///app/src/b.ts:1:2)
      at parse (file:///app/node_modules/zod/z.js:1:2) {
    status: 500,
    [cause]: TypeError: innermost
        at w (file:///app/src/w.ts:1:2)
  }
}
done"""

AGGREGATE = """AggregateError: All promises were rejected
    at async Promise.any (index 0)
    at run (file:///app/src/a.ts:3:4) {
  [cause]: Error: why
      at f (file:///app/src/f.ts:1:2),
  [errors]: [
    Error: a
        at q (file:///app/src/q.ts:3:4),
    TypeError: b
        at r (file:///app/src/r.ts:3:4) {
      code: 1,
      cause: Error: deep
          at s (file:///app/src/s.ts:3:4)
    },
    'str'
  ],
  extra: 1
}"""


def outline(parts: tuple[LoggedPart, ...]) -> list[object]:
    """Texts as they are, stacks by the number of their frames, inner errors as (kind, head, outline)."""
    found: list[object] = []
    for part in parts:
        match part:
            case TextLines(lines):
                found += lines
            case Frames(frames, _):
                found.append(len(frames))
            case InnerError():
                found.append((f"{part.kind} {part.number}/{part.count}", part.head, outline(part.parts)))
    return found


def test_chain_of_causes_is_told_apart() -> None:
    assert outline(parse_logged_text(Raw(CAUSES))) == [
        "failed: Error: outer",
        3,
        "  code: 'E',",
        (
            "cause 1/1",
            "Error: inner",
            ["  with two lines", 2, "    status: 500,", ("cause 1/1", "TypeError: innermost", [1])],
        ),
        "}",
        "done",
    ]


def test_errors_of_an_aggregate_are_told_apart() -> None:
    assert outline(parse_logged_text(Raw(AGGREGATE))) == [
        "AggregateError: All promises were rejected",
        2,
        ("cause 1/1", "Error: why", [1]),
        ("error 1/3", "Error: a", [1]),
        ("error 2/3", "TypeError: b", [1, "      code: 1,", ("cause 1/1", "Error: deep", [1])]),
        ("error 3/3", "'str'", []),
        "  extra: 1",
        "}",
    ]


@pytest.mark.parametrize("text", ["", "a\n\n  b\r\n", "lunch\n    at noon", "  [errors]: none", "{ [cause]: 1 }"])
def test_text_without_a_stack_stays_as_it_came(text: str) -> None:
    assert "\n".join(map(str, outline(parse_logged_text(Raw(text))))) == text.replace("\r\n", "\n")


@given(
    st.lists(
        st.sampled_from([*CAUSES.split("\n"), *AGGREGATE.split("\n"), "", "  ", "x", "}", "  ],", "    at "]),
        max_size=40,
    )
)
def test_no_line_of_any_text_is_lost(lines: list[str]) -> None:
    kept: list[str] = []

    def collect(parts: tuple[LoggedPart, ...]) -> None:
        for part in parts:
            match part:
                case TextLines(each):
                    kept.extend(each)
                case Frames(_, text):
                    kept.extend(text.split("\n"))
                case InnerError():
                    kept.append(part.head)
                    collect(part.parts)

    collect(parse_logged_text(Raw("\n".join(lines))))
    missing = [line for line in lines if not any(bare(line) in each for each in kept)]
    # Only brackets around inner errors, and the heading of a list, are drawn in another way.
    assert all(line.strip(" ,") in {"}", "]", "[errors]: ["} for line in missing)


def bare(line: str) -> str:
    return re.sub(r"^ *(\[cause\]|cause): ", "", line).strip(" {,")


def test_depth_and_length_are_bounded() -> None:
    nested = "\n".join(" " * depth + "[cause]: Error: x" for depth in range(5 * MAX_DEPTH))
    depth, parts = 0, parse_logged_text(Raw(nested))
    while parts and isinstance(parts[0], InnerError):
        depth, parts = depth + 1, parts[0].parts
    assert depth == MAX_DEPTH
    line = "    at f (file:///a.ts:1:2)"
    frames, rest = parse_logged_text(Raw("\n".join([line] * (MAX_LINES + 500))))
    assert isinstance(frames, Frames)
    assert len(frames.frames) == MAX_LINES
    assert rest == TextLines((NOT_PARSED, Raw("\n".join([line] * 500))))


any_text = st.text(st.characters(codec=None))  # with lone surrogates


def texts_of(given_texts: list[str]) -> Texts:
    texts = Texts()
    for text in given_texts:
        texts.append(text)
    return texts


@given(st.lists(any_text))
def test_texts_come_back_as_they_were_added(given_texts: list[str]) -> None:
    texts = texts_of(given_texts)
    assert list(texts) == given_texts
    assert texts == texts_of(given_texts)
    with pytest.raises(IndexError):
        texts[len(given_texts)]


@given(st.lists(any_text, min_size=1), st.data())
def test_texts_are_taken_in_the_given_order(given_texts: list[str], data: st.DataObject) -> None:
    indices = data.draw(st.lists(st.integers(0, len(given_texts) - 1)))
    taken = Texts()
    taken.take(texts_of(given_texts), indices)
    assert list(taken) == [given_texts[index] for index in indices]
