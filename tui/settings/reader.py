"""Reads a TOML document as settings: a wrong value costs only itself, also a key that is not allowed."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from types import UnionType
from typing import Annotated, Any, Final, TypeVar, Union, get_args, get_origin

import msgspec
from msgspec import Meta, Struct
from msgspec.structs import replace as with_fields

from tui.domain.text import clean
from tui.lazy_dataclass import dataclass
from tui.settings.schema import CommandEntry, FileSettings
from tui.settings.secret import has_zones, is_zone
from tui.settings.settings import Problem, bound_keys

# Reads a TOML document as `FileSettings`. A wrong value costs only itself: it becomes its default and a problem.
#
# Two kinds of values are not halved. An entry of a list (a command, a view, a column) with anything wrong is left out:
# a command without one of its restrictions is not what its author meant. And what is wrong about `read_only` makes
# everything read-only.
#
# Every conversion is one of a whole Struct: msgspec 0.22 corrupts its memory when it converts to a bare union of types.


MAX_PROBLEMS: Final = 50
"""Problems of one document; the rest is counted. Of the rest, no unknown key is compared with the known ones."""

MAX_SHOWN_CHARS: Final = 40
"""Characters of a wrong value, and of an unknown key."""

LOCK: Final = "read_only"
ON_ALERT: Final = "on_alert"
_LOCKED: Final = "until this is right, everything is read-only"
_LEFT_OUT: Final = "; this entry is left out"
_BARE_KEY: Final = re.compile(r"[A-Za-z0-9_-]+")
_WRONG: Final = object()
_MIN_LIKENESS: Final = 0.6
_ERROR_PATH: Final = re.compile(r" - at (`key` in )?`\$([^`]*)`$")
_STEP: Final = re.compile(r"\.([^.\[]+)|\[(\d+|\.\.\.)\]")
_MISSING: Final = re.compile(r"Object missing required field `([^`]*)`")
_UNKNOWN: Final = re.compile(r"Object contains unknown field `(.*)`", re.DOTALL)

T = TypeVar("T", bound=Struct)


@dataclass(frozen=True, slots=True)
class Document:
    """What a document says.

    * `keys`: the paths of the keys whose values are used, such as `colors.rose`
    * `is_locked`: something about `read_only` is wrong
    """

    values: FileSettings
    keys: frozenset[str]
    problems: tuple[Problem, ...]
    is_locked: bool


def read_document(table: Mapping[str, Any]) -> Document:
    """Read a decoded TOML document. Every document gives values."""
    reading = _Reading()
    values = reading.read_table(FileSettings, reading.with_alert_in_bell(table), "")
    problems = reading.problems[:MAX_PROBLEMS]
    if (rest := len(reading.problems) - len(problems)) > 0:
        lock = f"; {_LOCKED}" if reading.is_locked and not any(_LOCKED in each.text for each in problems) else ""
        problems.append(Problem("", f"{rest} more values are wrong{lock}"))
    return Document(values, frozenset(reading.keys), tuple(problems), reading.is_locked)


class _Reading:
    """One reading of a document, with the keys and problems that were found so far."""

    def __init__(self) -> None:
        self.keys: list[str] = []
        self.problems: list[Problem] = []
        self.is_locked = False

    def with_alert_in_bell(self, table: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return a document with `on_alert` in `[bell]`, where it belongs: it may stand above all tables too."""
        bell = table.get("bell", {})
        if ON_ALERT not in table or not isinstance(bell, dict):
            return table
        if ON_ALERT in bell:
            self._complain(ON_ALERT, f"not used, as bell.{ON_ALERT} is set too")
        without = {key: value for key, value in table.items() if key != ON_ALERT}
        return without | {"bell": {ON_ALERT: table[ON_ALERT], **bell}}

    def read_table(self, kind: type[T], table: Mapping[str, Any], path: str) -> T:
        """Read a table. Fields that are absent or wrong have their defaults."""
        values: dict[str, Any] = {}
        for key, value in table.items():
            where = joined(path, key)
            if key not in kind.__struct_fields__:
                self._complain_unknown(kind, path, key)
            elif (read := self._read(kind, key, value, where)) is not _WRONG:
                values[key] = read
        return kind(**values)

    def _read(self, kind: type[Struct], key: str, value: Any, where: str) -> Any:
        """Return the value of a field, or `_WRONG` after a complaint."""
        inner, metas = unwrapped(kind.__annotations__[key])
        if isinstance(value, dict) and is_struct(inner):
            return self.read_table(inner, value, where)
        if isinstance(value, dict) and get_origin(inner) is dict:
            items = [(joined(where, name), {name: item}) for name, item in value.items()]
            merged: dict[str, Any] = {}
            for read in self._items(kind, key, items):
                merged |= read
            return merged
        if isinstance(value, list) and get_origin(inner) is tuple and entry_type(get_args(inner)[0]) is not None:
            most = max((meta.max_length or 0 for meta in metas), default=0)
            if most and len(value) > most:
                return self._wrong(where, f"at most {most} entries", value)
            entries = [(f"{where}[{number}]", [item]) for number, item in enumerate(value)]
            return tuple(each for read in self._items(kind, key, entries, is_entry=True) for each in read)
        return self._convert(kind, key, value, where)

    def _items(
        self, kind: type[Struct], key: str, items: list[tuple[str, Any]], *, is_entry: bool = False
    ) -> list[Any]:
        """Convert the items of a collection one by one, each inside a collection of its own."""
        found = (self._convert(kind, key, value, where, depth=1, is_entry=is_entry) for where, value in items)
        return [each for each in found if each is not _WRONG]

    def _convert(
        self, kind: type[Struct], key: str, value: Any, where: str, *, depth: int = 0, is_entry: bool = False
    ) -> Any:
        """Convert the value of a field. The first `depth` steps below it are already in `where`."""
        try:
            read = getattr(msgspec.convert({key: value}, kind), key)
        except msgspec.ValidationError as error:
            return self._complain_invalid(kind, key, value, where, str(error), depth, _LEFT_OUT if is_entry else "")
        if (check := _CHECKS.get(where)) is not None and not check(read):
            wanted = expected(kind.__annotations__[key])
            if where == "timezone" and not has_zones():
                wanted = '"UTC" or "local", as no other zones are known here (tzdata is not installed)'
            return self._wrong(where, wanted, value)
        if is_entry and (problem := _problem_of_entry(read[0])) is not None:
            self._complain(f"{where}.{problem.where}", f"{problem.text}{_LEFT_OUT}")
            return _WRONG
        self.keys.append(where)
        return read

    def _complain_invalid(
        self, kind: type[Struct], key: str, value: Any, where: str, message: str, depth: int, end: str
    ) -> Any:
        """Say in our words what msgspec refuses."""
        found = _ERROR_PATH.search(message)
        steps = [(step[1], step[2]) for step in _STEP.finditer(found[2])][1:] if found else []
        annotation: Any = kind.__annotations__[key]
        for count, (name, index) in enumerate(steps):
            annotation, value = _below(annotation, value, name, index)
            if count >= depth:
                where = joined(where, name) if name else f"{where}[{index}]"
        reason = message[: found.start()] if found else message
        if found and found[1]:
            inner, _ = unwrapped(kind.__annotations__[key])
            self._complain(where, f"unknown key: expected {expected(get_args(inner)[0])}{end}")
        elif missing := _MISSING.match(reason):
            fields = entry_type(annotation)
            wanted = expected(fields.__annotations__[missing[1]]) if fields else "a value"
            self._complain(joined(where, missing[1]), f"missing: expected {wanted}{end}")
        elif (unknown := _UNKNOWN.match(reason)) and (fields := entry_type(annotation)) is not None:
            self._complain_unknown(fields, where, unknown[1], end)
        else:
            self._wrong(where, expected(annotation), value, end)
        return _WRONG

    def _wrong(self, where: str, wanted: str, value: Any, end: str = "") -> Any:
        self._complain(where, f"expected {wanted}, got {described(value)}{end}")
        return _WRONG

    def _complain_unknown(self, kind: type[Struct], path: str, key: str, end: str = "") -> None:
        if len(self.problems) >= MAX_PROBLEMS:  # any key at the top may be meant to forbid writing
            self._complain(joined(path, key), "unknown key", is_about_lock=not path)
            return
        nearest = _nearest(kind, path, key)
        hint = f"did you mean {nearest}?" if nearest else f"expected one of {', '.join(kind.__struct_fields__)}"
        is_about_lock = not path and nearest is not None and _is_lock(nearest)
        self._complain(joined(path, key), f"unknown key; {hint}{end}", is_about_lock=is_about_lock)

    def _complain(self, where: str, text: str, *, is_about_lock: bool = False) -> None:
        if is_about_lock or _is_lock(where):
            self.is_locked = True
            text = f"{text}; {_LOCKED}"
        self.problems.append(Problem(where, text))


def _is_number(value: float) -> bool:
    return value == value  # noqa: PLR0124  no bound of msgspec refuses nan


_CHECKS: Final[Mapping[str, Callable[[Any], bool]]] = {"timezone": is_zone, "interval": _is_number}
"""What a Struct cannot check, by key path."""


def _problem_of_entry(entry: Any) -> Problem | None:
    """Return what is wrong in an entry that no Struct can check."""
    if not isinstance(entry, CommandEntry):
        return None
    from tui.settings.key_checks import problem_of_command  # noqa: PLC0415  5 ms, which most files do not need

    wrong = problem_of_command(entry)
    return None if wrong is None else Problem(*wrong)


def described(value: Any) -> str:
    """Return a wrong value as a complaint shows it: short, on one line."""
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            return f'"{_short(value)}"'
        case int() if value.bit_length() > 64:
            return "a number that is too large"
        case int() | float():
            return str(value)
        case dict():
            return "a table"
        case list() if not value:
            return "an empty list"
        case list():
            return f"a list of {len(value)}"
        case _:
            return "a date or time"


def _short(text: str) -> str:
    return clean(text if len(text) <= MAX_SHOWN_CHARS else f"{text[: MAX_SHOWN_CHARS - 1]}…")


def joined(path: str, key: str) -> str:
    """Return the path of a key in a table, in quotes where TOML asks for them."""
    name = key if _BARE_KEY.fullmatch(key) and len(key) <= MAX_SHOWN_CHARS else f'"{_short(key)}"'
    return f"{path}.{name}" if path else name


def _is_lock(path: str) -> bool:
    return re.split(r"[.\[]", path)[0] == LOCK


def unwrapped(annotation: Any) -> tuple[Any, tuple[Meta, ...]]:
    """Return a type without its annotations, and these, the innermost first."""
    if get_origin(annotation) is Annotated:
        kind, *metas = get_args(annotation)
        return kind, tuple(each for each in metas if isinstance(each, Meta))
    return annotation, ()


def expected(annotation: Any) -> str:
    """Return what a type expects, in words: those of the outermost annotation that has some."""
    kind, metas = unwrapped(annotation)
    for meta in reversed(metas):
        if meta.extra and "expected" in meta.extra:
            return str(meta.extra["expected"])
    words = dict.fromkeys(expected(each) for each in _members(kind))
    return " or ".join(words) if words else "a table"


def is_struct(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, Struct)


def entry_type(annotation: Any) -> type[Struct] | None:
    """Return the type of the tables that a value may be; None if it is none."""
    kind, _ = unwrapped(annotation)
    return next((each for each in _members(kind) or (kind,) if is_struct(each)), None)


def _members(kind: Any) -> tuple[Any, ...]:
    """Return the types of a union, without None; none for any other type."""
    if get_origin(kind) not in {Union, UnionType}:
        return ()
    return tuple(each for each in get_args(kind) if each is not type(None))


def _below(annotation: Any, value: Any, name: str | None, index: str | None) -> tuple[Any, Any]:
    """Return the type and the value one step deeper: a field of a table, or an item of a collection."""
    kind, _ = unwrapped(annotation)
    if name is not None:
        fields = entry_type(annotation)
        return (fields.__annotations__[name] if fields else Any), value[name]
    if index == "...":  # msgspec does not say which item of a mapping; there is one
        return get_args(kind)[1], next(iter(value.values()))
    found = next((each for each in _members(kind) or (kind,) if get_origin(unwrapped(each)[0]) is tuple), kind)
    return get_args(unwrapped(found)[0])[0], value[int(index or 0)]


def _nearest(kind: type[Struct], path: str, key: str) -> str | None:
    """Return the known key that is most like an unknown one: of its own table, else of any."""
    from difflib import get_close_matches  # noqa: PLC0415  only for a wrong file

    asked = key[:MAX_SHOWN_CHARS].lower()
    if own := get_close_matches(asked, kind.__struct_fields__, 1, _MIN_LIKENESS):
        return joined(path, own[0])
    by_name = {each.rpartition(".")[2]: each for each in _paths(FileSettings)}
    other = get_close_matches(asked, by_name, 1, _MIN_LIKENESS)
    return by_name[other[0]] if other else None


def _paths(kind: type[Struct], path: str = "") -> Iterator[str]:
    """Yield the path of every key that is in no list."""
    for name, annotation in kind.__annotations__.items():
        yield joined(path, name)
        inner, _ = unwrapped(annotation)
        if is_struct(inner):
            yield from _paths(inner, joined(path, name))


# Leaves out of a document the keys and commands that the table of bindings does not allow.


_COMMAND: Final = re.compile(r"commands\[(\d+)\]")


def with_checked_keys(document: Document) -> tuple[Document, tuple[Problem, ...]]:
    """Return a document without the entries that are refused, and what is wrong about them."""
    from tui.settings.key_checks import check_keys  # noqa: PLC0415  5 ms, which most files do not need

    values = document.values
    entries = {binding: bound_keys(own) for binding, own in values.keys.items()}
    positions = sorted(int(found[1]) for key in document.keys if (found := _COMMAND.fullmatch(key)))
    checked = check_keys(entries, dict(zip(positions, values.commands, strict=True)))
    kept = {binding: own for binding, own in values.keys.items() if binding in checked.keys}
    refused = {f"keys.{binding}" for binding in values.keys if binding not in kept}
    refused |= {f"commands[{number}]" for number in checked.refused_commands}
    pairs = zip(positions, values.commands, strict=True)
    commands = tuple(each for number, each in pairs if number not in checked.refused_commands)
    values = with_fields(values, keys=kept, commands=commands)
    return replace(document, values=values, keys=document.keys - refused), checked.problems
