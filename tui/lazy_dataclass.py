"""The decorator `dataclass` of the standard library, but each method is compiled when it is first called.

The standard one compiles up to six methods of a class during the import, which takes half a millisecond. The monitor
imports nearly 200 such classes before the first rows, and calls few of their methods: this saves it 70 ms of CPU.
"""

import dataclasses
from dataclasses import FrozenInstanceError
from typing import TYPE_CHECKING, Any

__all__ = ["dataclass"]

if TYPE_CHECKING:
    from dataclasses import dataclass  # a type checker sees no difference
else:

    def dataclass(
        cls: type | None = None,
        /,
        *,
        frozen: bool = False,
        slots: bool = False,
        eq: bool = True,
        kw_only: bool = False,
    ) -> Any:
        """Make a dataclass of a class that defines none of the methods that this decorator adds."""

        def decorate(cls: type) -> type:
            if not cls.__doc__:
                cls.__doc__ = cls.__name__  # otherwise the standard decorator inspects a signature for it
            cls = dataclasses.dataclass(slots=slots, kw_only=kw_only, init=False, repr=False, eq=False)(cls)
            names = ["__init__", "__repr__"]
            if eq:
                cls.__hash__ = None
                names += ["__eq__", "__hash__"] if frozen else ["__eq__"]
            for name in names:
                setattr(cls, name, _compiled_later(cls, name, frozen=frozen))
            if frozen:
                cls.__setattr__ = cls.__delattr__ = _refuse
                cls.__getstate__, cls.__setstate__ = _state, _set_state
            return cls

        return decorate if cls is None else decorate(cls)


def _compiled_later(cls: type, name: str, *, frozen: bool) -> Any:
    """Return a method that lets the standard decorator compile it, is replaced by the result, and calls it."""

    def compile_and_call(self: object, *arguments: Any, **options: Any) -> Any:
        fields = [(each.name, each.type, each) for each in dataclasses.fields(cls)]
        has_eq, has_init = name in {"__eq__", "__hash__"}, name == "__init__"
        compiled = dataclasses.make_dataclass(
            cls.__name__,
            fields,
            init=has_init,
            repr=name == "__repr__",
            eq=has_eq,
            frozen=frozen and has_init,
            unsafe_hash=name == "__hash__",
        )
        method = getattr(compiled, name)
        setattr(cls, name, method)
        return method(self, *arguments, **options)

    return compile_and_call


def _refuse(_: object, name: str, *__: object) -> None:
    raise FrozenInstanceError(f"cannot assign to field {name!r}")


def _state(self: Any) -> list[Any]:
    return [getattr(self, each.name) for each in dataclasses.fields(self)]


def _set_state(self: Any, state: list[Any]) -> None:
    for each, value in zip(dataclasses.fields(self), state, strict=True):
        object.__setattr__(self, each.name, value)
