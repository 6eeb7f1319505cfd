import dataclasses
from dataclasses import FrozenInstanceError, field, replace

import pytest

from tui import lazy_dataclass


def classes(decorate: object) -> tuple[type, type, type]:
    """Return three classes of the same shape for each decorator, to compare what they do."""
    assert callable(decorate)

    class Point:
        x: int
        y: int = 2
        tags: list[str] = field(default_factory=list)
        seen: int = field(default=0, compare=False, repr=False)

    class Named:
        name: str
        size: int = 0

    frozen = decorate(frozen=True, slots=True)(Point)
    named = decorate(slots=True, kw_only=True)(Named)

    class Child(frozen):  # type: ignore[misc, valid-type]  # a class that is made at run time
        z: int = 3

    return frozen, named, decorate(frozen=True, slots=True)(Child)


LAZY = classes(lazy_dataclass.dataclass)
STANDARD = classes(dataclasses.dataclass)


@pytest.mark.parametrize(("lazy", "standard"), list(zip(LAZY, STANDARD, strict=True)))
def test_class_has_the_fields_and_slots_of_the_standard(lazy: type, standard: type) -> None:
    described = [[(each.name, each.kw_only) for each in dataclasses.fields(kind)] for kind in (lazy, standard)]
    assert described[0] == described[1]
    assert lazy.__slots__ == standard.__slots__  # type: ignore[attr-defined]
    assert lazy.__match_args__ == standard.__match_args__  # type: ignore[attr-defined]
    assert (lazy.__hash__ is None) == (standard.__hash__ is None)


def test_frozen_value_equals_hashes_and_prints_as_the_standard() -> None:
    for number in (0, 2):
        lazy, standard = LAZY[number](1, tags=()), STANDARD[number](1, tags=())
        assert repr(lazy) == repr(standard)
        assert hash(lazy) == hash(standard)
        assert lazy == LAZY[number](1, 2, (), 9)
        assert lazy != LAZY[number](2, 2, ())
        assert lazy != standard
    assert LAZY[0](1) != LAZY[2](1)


def test_every_value_gets_a_default_of_its_own() -> None:
    first, second = LAZY[0](1), LAZY[0](1)
    first.tags.append("x")
    assert second.tags == []


def test_frozen_value_refuses_changes() -> None:
    value = LAZY[0](1)
    for name in ("x", "new"):
        with pytest.raises(FrozenInstanceError):
            setattr(value, name, 5)
    with pytest.raises(FrozenInstanceError):
        del value.x
    assert value.x == 1


def test_frozen_value_is_replaced() -> None:
    value = LAZY[0](1, tags=["x"])
    assert replace(value, x=7) == LAZY[0](7, tags=["x"])


def test_mutable_value_changes_and_takes_keywords_only() -> None:
    value = LAZY[1](name="a")
    value.size = 4
    assert value == LAZY[1](name="a", size=4)
    with pytest.raises(TypeError):
        LAZY[1]("a")
    with pytest.raises(TypeError):
        hash(value)


def test_wrong_arguments_are_refused_as_by_the_standard() -> None:
    with pytest.raises(TypeError, match="missing 1 required positional argument: 'x'"):
        LAZY[0]()
    with pytest.raises(TypeError, match="unexpected keyword argument 'z'"):
        LAZY[0](1, z=2)


def test_value_is_checked_after_its_creation() -> None:
    @lazy_dataclass.dataclass(frozen=True, slots=True)
    class Share:
        percent: int

        def __post_init__(self) -> None:
            if self.percent > 100:
                raise ValueError("more than all")

    assert Share(100).percent == 100
    with pytest.raises(ValueError, match="more than all"):
        Share(101)
