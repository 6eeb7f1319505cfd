"""Texts that make a reader with a bad pattern slow: made from the repetitions of its regular expressions.

For each repetition in a pattern: what leads to it, then many times what it repeats, each character of its class and
each alternative, alone and with what follows it, and an end that does not match.
"""

import re
from collections.abc import Iterator, Mapping
from functools import cache
from re import _constants as tree  # type: ignore[attr-defined]  # the parser that `re` itself uses
from re import _parser as parser  # type: ignore[attr-defined]
from types import ModuleType
from typing import Any, Final

from tests.support.growth import Pattern

MAX_PATTERNS: Final = 30
"""Patterns of one reader's expressions, evenly chosen."""

_CHARACTERS: Final = "a1 A_-./\\\"'`{}[]()<>:;,=@#$%&*+|~^?!\t\n\rZ9eExé\x1b\x00"
_REPEATS: Final = (tree.MAX_REPEAT, tree.MIN_REPEAT, tree.POSSESSIVE_REPEAT)
_LONGEST: Final = 70
_ENDS: Final = ("", "\x00", "\n", "!")

# fmt: off
UNITS: Final = (
    " ", "\n", "\t", "\r\n", " \n", "a", "A", "1", "_", "-", ".", ":", ",", ";", "=", "/",
    "\\", '"', "'", "`", "(", ")", "[", "]",
    "{", "}", "<", ">", "*", "~", "^", "|", "#", "@", "$", "%", "\x1b", "\x1b[", "\x1b]", "\x00",
    "\u200d", "👩\u200d", "e\u0301", "界",
    "at (", "    at noon\n", "    at f (a:1:2)\n", '{"a":[',
    '\\"', "a.", "a/", "a: ", "1, ", "[a, ", "<a>", "x=1&", "word ",
)
# fmt: on


@cache
def patterns_for(*modules: ModuleType) -> list[Pattern]:
    """Return the common patterns, and those of all expressions of the modules."""
    own: dict[Pattern, None] = {}
    for expression in expressions_of(*modules):
        for number, (start, unit) in enumerate(_repetitions(expression)):
            own[Pattern(start, unit, _ENDS[number % len(_ENDS)])] = None
    step = max(1, len(own) // MAX_PATTERNS)
    return [*(Pattern("", unit, "\x00") for unit in UNITS), *list(own)[::step]]


def expressions_of(*modules: ModuleType) -> Iterator[re.Pattern[str]]:
    """Yield the compiled expressions of modules, also those in tables."""
    for module in modules:
        values = list(vars(module).values())
        while values:
            value = values.pop()
            if isinstance(value, re.Pattern):
                text = value.pattern
                yield value if isinstance(text, str) else re.compile(text.decode("latin1"), value.flags)
            elif isinstance(value, tuple | list):
                values += value
            elif isinstance(value, Mapping) and value is not vars(module).get("__builtins__"):
                values += value.values()


def _repetitions(expression: re.Pattern[str]) -> list[tuple[str, str]]:
    items = list(parser.parse(expression.pattern, expression.flags))
    found = dict.fromkeys((start, unit[:_LONGEST]) for start, unit in _units(items, "") if unit)
    return [(start, unit) for start, unit in found if len(start) < 2_000]


def _units(items: list[Any], lead: str) -> Iterator[tuple[str, str]]:
    start = lead
    for index, (kind, value) in enumerate(items):
        if kind in _REPEATS:
            body, rest = list(value[2]), _sample(items[index + 1 :])
            if value[1] > 3:
                unit = _sample(body)
                yield from ((start, each) for each in (unit, *_variants(body), unit + rest, rest + unit))
                yield "", (start + unit)[-_LONGEST:]
            yield from _units(body, start)
        else:
            for inner in _inside(kind, value):
                yield from _units(inner, start)
        start += _one(kind, value)
    if start and not lead:
        yield from (("", start[:length]) for length in range(1, min(len(start), 12)))


def _inside(kind: Any, value: Any) -> list[list[Any]]:
    if kind is tree.BRANCH:
        return [list(each) for each in value[1]]
    if kind is tree.SUBPATTERN:
        return [list(value[3])]
    if kind is tree.ATOMIC_GROUP:
        return [list(value)]
    return [list(value[1])] if kind in (tree.ASSERT, tree.ASSERT_NOT) else []


def _variants(body: list[Any]) -> list[str]:
    if len(body) != 1:
        return []
    kind, value = body[0]
    if kind is tree.IN:
        return _of_class(value)
    if kind is tree.ANY:
        return list('a1 (:"')
    if kind is tree.BRANCH:
        return [_sample(list(each)) for each in value[1]]
    return _variants(list(value[3])) if kind is tree.SUBPATTERN else []


def _sample(items: list[Any]) -> str:
    return "".join(_one(kind, value) for kind, value in items)


def _one(kind: Any, value: Any) -> str:
    """Return the shortest text that a part of an expression matches, or nearly."""
    if kind is tree.LITERAL:
        return chr(value)
    if kind is tree.IN:
        return _of_class(value)[0]
    if kind in (tree.ANY, tree.NOT_LITERAL):
        return "x"
    if kind in _REPEATS:
        return _sample(list(value[2])) * int(min(value[0], 40))
    inside = [] if kind in (tree.ASSERT, tree.ASSERT_NOT) else _inside(kind, value)
    return _sample(inside[0]) if inside else ""


def _of_class(items: list[Any]) -> list[str]:
    """Return the characters of a class, out of a few of each sort."""
    found = [each for each in _CHARACTERS if re.match(_class_text(items), each)]
    kind, value = items[0]
    first = {tree.LITERAL: value, tree.RANGE: value[0] if isinstance(value, tuple) else None}.get(kind)
    return found or [chr(first) if isinstance(first, int) else "x"]


def _class_text(items: list[Any]) -> str:
    """Return a class as an expression again."""
    names = {
        tree.CATEGORY_DIGIT: r"\d", tree.CATEGORY_NOT_DIGIT: r"\D", tree.CATEGORY_SPACE: r"\s",
        tree.CATEGORY_NOT_SPACE: r"\S", tree.CATEGORY_WORD: r"\w", tree.CATEGORY_NOT_WORD: r"\W",
    }  # fmt: skip
    parts = []
    for kind, value in items:
        if kind is tree.NEGATE:
            parts.append("^")
        elif kind is tree.LITERAL:
            parts.append(re.escape(chr(value)))
        elif kind is tree.RANGE:
            parts.append(f"{re.escape(chr(value[0]))}-{re.escape(chr(value[1]))}")
        else:
            parts.append(names[value])
    return f"[{''.join(parts)}]"
