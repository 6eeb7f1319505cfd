"""Compares decoded JSON with the type hints of typed dictionaries, and drops what is invalid.

pydantic could do this, but importing its core alone takes 10 ms of CPU and 5 MB, and the first rows should take 400 ms
and 60 MB. Only the messages of a relay use it.
"""

import math
from collections.abc import Callable
from functools import cache
from typing import Annotated, Any, Final, Required, TypeVar, get_args, get_origin, get_type_hints, is_typeddict

T = TypeVar("T")


_INVALID: Final = object()

Reader = Callable[[Any], Any]
"""Returns a value of decoded JSON without its invalid parts, or `_INVALID`: an exception would take longer."""


class InvalidShape(ValueError):
    """The value lacks something that is required."""


def read_as(hint: Any, value: Any) -> Any:
    """Return decoded JSON as a typed dictionary or a list of them, without what is invalid. Raises `InvalidShape`."""
    read = _reader_of(hint)(value)
    if read is _INVALID:
        raise InvalidShape
    return read


def in_range(low: float, high: float) -> Callable[[Reader], Reader]:
    """Return an annotation for numbers."""
    return lambda read: _if(read, lambda found: low <= found <= high)


def finite(read: Reader) -> Reader:
    """Refuse NaN and infinity. An annotation for numbers."""
    return _if(read, math.isfinite)


def of_length(low: int, high: float = math.inf) -> Callable[[Reader], Reader]:
    """Return an annotation for texts."""
    return lambda read: _if(read, lambda found: low <= len(found) <= high)


def none_on_error(read: Reader) -> Reader:
    """Read an invalid value as None. An annotation."""
    return lambda value: None if (found := read(value)) is _INVALID else found


_OMITTED: Final = "omitted"

OmittedOnError = Annotated[T, _OMITTED]
"""A key or an item that is dropped if its value is invalid."""


def _if(read: Reader, is_valid: Callable[[Any], bool]) -> Reader:
    return lambda value: found if (found := read(value)) is not _INVALID and is_valid(found) else _INVALID


@cache
def _reader_of(hint: Any) -> Reader:
    if hint in _PLAIN:
        return _PLAIN[hint]
    if is_typeddict(hint):
        return _dict_reader(hint)
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Annotated:
        read = _reader_of(arguments[0])
        for annotation in arguments[1:]:
            read = read if annotation is _OMITTED else annotation(read)
        return read
    if origin is Required:
        return _reader_of(arguments[0])
    if origin is list:
        return _list_reader(arguments[0])
    if len(arguments) == 2 and arguments[1] is type(None):
        inner = _reader_of(arguments[0])
        return lambda value: None if value is None else inner(value)
    raise TypeError(f"no schema for {hint!r}")


def _is_omitted(hint: Any) -> bool:
    return get_origin(hint) is Annotated and _OMITTED in get_args(hint)


def _dict_reader(hint: Any) -> Reader:
    hints = get_type_hints(hint, include_extras=True)
    fields = [(name, _reader_of(each), _is_omitted(each)) for name, each in hints.items()]
    required: frozenset[str] = hint.__required_keys__

    def read(value: Any) -> Any:
        if not isinstance(value, dict) or not required <= value.keys():
            return _INVALID
        found = {}
        for name, reader, is_omitted in fields:
            if name in value:
                each = reader(value[name])
                if each is not _INVALID:
                    found[name] = each
                elif not is_omitted:
                    return _INVALID
        return found

    return read


def _list_reader(hint: Any) -> Reader:
    reader, is_omitted = _reader_of(hint), _is_omitted(hint)

    def read(value: Any) -> Any:
        if not isinstance(value, list):
            return _INVALID
        found = [each for item in value if (each := reader(item)) is not _INVALID]
        return found if is_omitted or len(found) == len(value) else _INVALID

    return read


def _any(value: Any) -> Any:
    return value


def _dict(value: Any) -> Any:
    return value if isinstance(value, dict) else _INVALID


def _str(value: Any) -> Any:
    return value if isinstance(value, str) else _INVALID


def _bool(value: Any) -> Any:
    return value if isinstance(value, bool) else _INVALID


def _int(value: Any) -> Any:
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else _INVALID


def _float(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return _INVALID
    try:
        return float(value)
    except OverflowError:
        return _INVALID


_PLAIN: dict[Any, Reader] = {Any: _any, bool: _bool, dict[str, Any]: _dict, float: _float, int: _int, str: _str}
