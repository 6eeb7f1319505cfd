"""A class of `lazy_dataclass` does what the standard's does."""

import dataclasses
from collections.abc import Callable
from dataclasses import field
from functools import partial
from typing import Any

import pytest

from tui import lazy_dataclass


def classes(decorate: Any) -> tuple[type, type, type, type]:
    """Return four classes of a decorator, to compare what they do."""

    class Point:
        x: int
        y: int = 2
        tags: list[str] = field(default_factory=list)
        seen: int = field(default=0, compare=False, repr=False)

    class Named:
        name: str
        size: int = 0

    class Share:
        percent: int

        def __post_init__(self) -> None:
            if self.percent > 100:
                raise ValueError("more than all")

    frozen = decorate(frozen=True, slots=True)(Point)

    class Child(frozen):  # type: ignore[misc, valid-type]  # a class that is made at run time
        z: int = 3

    child = decorate(frozen=True, slots=True)(Child)
    return frozen, child, decorate(slots=True, kw_only=True)(Named), decorate(frozen=True, slots=True)(Share)


LAZY, STANDARD = classes(lazy_dataclass.dataclass), classes(dataclasses.dataclass)


def outcome(act: Callable[[], Any]) -> Any:
    """Return what it returns, or the kind of what it raises."""
    try:
        return act()
    except (TypeError, ValueError, AttributeError) as error:
        return type(error)


@pytest.mark.parametrize(("lazy", "standard"), list(zip(LAZY, STANDARD, strict=True)))
def test_class_does_what_the_standard_does(lazy: type, standard: type) -> None:
    def described(kind: Any) -> list[Any]:
        found: list[Any] = [(each.name, each.kw_only, each.compare) for each in dataclasses.fields(kind)]
        found += [kind.__slots__, kind.__match_args__]
        for arguments, keywords in (((1,), {}), ((101,), {}), ((1, 5, ()), {}), ((), {"name": "a"}), ((), {"nope": 1})):
            make = partial(kind, *arguments, **keywords)
            value = outcome(make)
            if not isinstance(value, kind):
                found.append(value)
                continue
            name = dataclasses.fields(kind)[0].name
            changed = dataclasses.replace(value, **{name: 7})
            found += [repr(value), value == make(), value == changed, repr(changed), outcome(partial(hash, value))]
            found += [outcome(partial(setattr, value, name, 5)), outcome(partial(delattr, value, name))]
        return found

    assert described(lazy) == described(standard)


def test_values_share_no_default_and_ignore_what_is_not_compared() -> None:
    first, second = LAZY[0](1), LAZY[0](1)
    first.tags.append("x")
    assert second.tags == []
    assert LAZY[0](1, 2, (), 9) == LAZY[0](1, 2, ()) != STANDARD[0](1, 2, ())
    assert LAZY[0](1) != LAZY[1](1)
