"""The decorator `dataclass` of the standard library, but methods are compiled when they are first called.

The standard one compiles up to six methods of a class during the import, which takes half a millisecond. The monitor
imports nearly 200 such classes before its first rows, and calls few of their methods: this saves a quarter of the CPU
of its imports (560 in place of 758 ms on a loaded machine, 80 ms on an idle one).
"""

import dataclasses
from collections.abc import Callable
from dataclasses import MISSING, Field, FrozenInstanceError
from reprlib import recursive_repr
from typing import TYPE_CHECKING, Any

__all__ = ["dataclass"]

if TYPE_CHECKING:
    from dataclasses import dataclass  # a type checker sees no difference
else:

    def dataclass(
        cls: type | None = None, /, *, frozen: bool = False, slots: bool = False, eq: bool = True, kw_only: bool = False
    ) -> Any:
        """Make a dataclass of a class that defines none of the methods that this decorator adds.

        A frozen one needs slots, and can be replaced, but not copied or pickled.
        """

        def decorate(cls: type) -> type:
            if not cls.__doc__:
                cls.__doc__ = cls.__name__  # otherwise the standard decorator inspects a signature for it
            cls = dataclasses.dataclass(slots=slots, kw_only=kw_only, init=False, repr=False, eq=False)(cls)
            cls.__init__ = _FIRST_FROZEN_INIT if frozen else _FIRST_INIT
            cls.__repr__ = _described
            if eq:
                cls.__eq__ = _FIRST_EQ
                cls.__hash__ = _FIRST_HASH if frozen else None
            if frozen:
                cls.__setattr__ = cls.__delattr__ = _refuse
            return cls

        return decorate if cls is None else decorate(cls)


def _init_source(cls: type, variables: dict[str, Any]) -> str:
    return _init(cls, variables, lambda name, value: f"self.{name} = {value}")


def _frozen_init_source(cls: type, variables: dict[str, Any]) -> str:
    # `object.__setattr__`, as in the standard library, takes nearly twice as long.
    variables.update({f"_set_{each.name}": getattr(cls, each.name).__set__ for each in dataclasses.fields(cls)})
    return _init(cls, variables, lambda name, value: f"_set_{name}(self, {value})")


def _init(cls: Any, variables: dict[str, Any], assign: Callable[[str, str], str]) -> str:
    positional = ["self"]
    keywords: list[str] = []
    body = ["pass"]
    variables["_MISSING"] = MISSING
    for each in dataclasses.fields(cls):
        name = value = parameter = each.name
        if each.default_factory is not MISSING:
            variables[f"_make_{name}"] = each.default_factory
            parameter, value = f"{name}=_MISSING", f"_make_{name}() if {name} is _MISSING else {name}"
        elif each.default is not MISSING:
            variables[f"_default_{name}"] = each.default
            parameter = f"{name}=_default_{name}"
        (keywords if each.kw_only else positional).append(parameter)
        body.append(assign(name, value))
    if hasattr(cls, "__post_init__"):
        body.append("self.__post_init__()")
    parameters = ", ".join([*positional, *(["*", *keywords] if keywords else [])])
    return f"def __init__({parameters}):\n  " + "\n  ".join(body)


def _eq_source(cls: type, _: dict[str, Any]) -> str:
    mine, others = (_tuple_source(cls, owner, lambda each: each.compare) for owner in ("self", "other"))
    return (
        "def __eq__(self, other):\n"
        f"  return {mine} == {others} if other.__class__ is self.__class__ else NotImplemented"
    )


def _hash_source(cls: type, _: dict[str, Any]) -> str:
    def is_hashed(each: Field[Any]) -> bool:
        return each.compare if each.hash is None else each.hash

    return f"def __hash__(self):\n  return hash({_tuple_source(cls, 'self', is_hashed)})"


def _tuple_source(cls: Any, owner: str, belongs: Callable[[Field[Any]], bool]) -> str:
    return "(" + "".join(f"{owner}.{each.name}, " for each in dataclasses.fields(cls) if belongs(each)) + ")"


def _compiled_later(name: str, source_of: Callable[[type, dict[str, Any]], str]) -> Callable[..., Any]:
    """Return a method that compiles the one from the source, puts it in its own place, and calls it.

    All classes share it: with one for each of three methods, 400 classes would take half a megabyte more.
    """

    def compile_and_call(self: object, *arguments: Any, **options: Any) -> Any:
        cls = next((each for each in type(self).__mro__ if each.__dict__.get(name) is compile_and_call), None)
        if cls is None:  # another thread has compiled it meanwhile
            return getattr(type(self), name)(self, *arguments, **options)
        variables: dict[str, Any] = {}
        exec(source_of(cls, variables), variables)  # noqa: S102  made of the names of fields, as in the standard library
        method = variables[name]
        method.__qualname__ = f"{cls.__qualname__}.{name}"
        setattr(cls, name, method)
        return method(self, *arguments, **options)

    return compile_and_call


_FIRST_INIT = _compiled_later("__init__", _init_source)
_FIRST_FROZEN_INIT = _compiled_later("__init__", _frozen_init_source)
_FIRST_EQ = _compiled_later("__eq__", _eq_source)
_FIRST_HASH = _compiled_later("__hash__", _hash_source)


@recursive_repr()
def _described(self: Any) -> str:
    values = ", ".join(f"{each.name}={getattr(self, each.name)!r}" for each in dataclasses.fields(self) if each.repr)
    return f"{type(self).__qualname__}({values})"


def _refuse(_: object, name: str, *__: object) -> None:
    raise FrozenInstanceError(f"cannot assign to field {name!r}")
