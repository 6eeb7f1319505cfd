"""Reads a TOML document as settings: a wrong value costs only itself, also a key that is not allowed."""

import re
from collections.abc import Mapping
from dataclasses import MISSING, fields, replace
from typing import Any, Final, Literal, TypeVar, get_args, get_origin

from tui.domain.text import clean
from tui.settings.schema import (
    CommandEntry,
    ConfigTable,
    FileSettings,
    entry_type,
    expected,
    is_table,
    ruled,
    settings_in,
)
from tui.settings.settings import UNBIND, Complaint, ConfigFile

# Reads a TOML document as `FileSettings`. A wrong value costs only itself: it becomes its default and a problem.
#
# Two kinds of values are not halved. An entry of a list (a command, a view, a column) with anything wrong is left out:
# a command without one of its restrictions is not what its author meant. And what is wrong about `read_only` makes
# everything read-only.
#
# The first frame waits for the theme, so pydantic is not loaded here: with it, that frame would come 70 ms later.


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

T = TypeVar("T", bound=ConfigTable)


def read_document(table: Mapping[str, Any]) -> ConfigFile:
    """Read a decoded TOML document. Every document gives values."""
    reading = _Reading()
    values = reading.read_table(FileSettings, reading.with_alert_in_bell(table), "")
    problems = reading.problems[:MAX_PROBLEMS]
    if (rest := len(reading.problems) - len(problems)) > 0:
        lock = f"; {_LOCKED}" if reading.is_locked and not any(_LOCKED in each.text for each in problems) else ""
        problems.append(Complaint("", f"{rest} more values are wrong{lock}"))
    keys, complaints = frozenset(reading.keys), tuple(problems)
    return ConfigFile(values=values, keys=keys, complaints=complaints, is_locked=reading.is_locked, is_read=True)


class _Reading:
    """One reading of a document, with the keys and problems that were found so far."""

    def __init__(self) -> None:
        self.keys: list[str] = []
        self.problems: list[Complaint] = []
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
            if key not in kind.__annotations__:
                self._complain_unknown(kind, path, key)
            elif (read := self._read(kind.__annotations__[key], value, joined(path, key))) is not _WRONG:
                values[key] = read
        return kind(**values)

    def _read(self, annotation: Any, value: Any, where: str) -> Any:
        """Return the value of a field, or `_WRONG` after a complaint."""
        kind, rule = ruled(annotation)
        if isinstance(value, dict) and is_table(kind):
            return self.read_table(kind, value, where)
        if isinstance(value, dict) and get_origin(kind) is dict:
            names, keys = get_args(kind)
            found: dict[str, Any] = {}
            for name, each in value.items():
                if not ruled(names)[1].allows(name):
                    self._complain(joined(where, name), f"unknown key: expected {expected(names)}")
                elif (read := self._whole(keys, each, joined(where, name))) is not _WRONG:
                    found[name] = tuple(key for key in read if key != UNBIND)
            return found
        if isinstance(value, list) and entry_type(kind) is not None:
            if not rule.allows(value):
                self._complain(where, f"expected at most {rule.max_length} entries, got {described(value)}")
                return _WRONG
            entry = get_args(kind)[0]
            entries = [self._whole(entry, each, f"{where}[{n}]", _LEFT_OUT) for n, each in enumerate(value)]
            return tuple(each for each in entries if each is not _WRONG)
        return self._whole(annotation, value, where)

    def _whole(self, annotation: Any, value: Any, where: str, end: str = "") -> Any:
        """Return a value in which everything is right, or `_WRONG` after a complaint about the first mistake."""
        try:
            read = _checked(annotation, value, where)
        except _UnknownKeyError as error:
            self._complain_unknown(error.kind, where, error.key, end)
        except _WrongValueError as error:
            self._complain(error.where, f"{error}{end}")
        else:
            self.keys.append(where)
            return read
        return _WRONG

    def _complain_unknown(self, kind: type[ConfigTable], path: str, key: str, end: str = "") -> None:
        if len(self.problems) >= MAX_PROBLEMS:  # any key at the top may be meant to forbid writing
            self._complain(joined(path, key), "unknown key", is_about_lock=not path)
            return
        nearest = _nearest(kind, path, key)
        hint = f"did you mean {nearest}?" if nearest else f"expected one of {', '.join(kind.__annotations__)}"
        is_about_lock = not path and nearest is not None and _is_lock(nearest)
        self._complain(joined(path, key), f"unknown key; {hint}{end}", is_about_lock=is_about_lock)

    def _complain(self, where: str, text: str, *, is_about_lock: bool = False) -> None:
        if is_about_lock or _is_lock(where):
            self.is_locked = True
            text = f"{text}; {_LOCKED}"
        self.problems.append(Complaint(where, text))


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


class _WrongValueError(Exception):
    """A value is not as its type wants it. The text says what was expected at `where`."""

    def __init__(self, where: str, text: str) -> None:
        super().__init__(text)
        self.where = where


class _UnknownKeyError(Exception):
    """An entry of this kind has another key than its table."""

    def __init__(self, kind: type[ConfigTable], key: str) -> None:
        super().__init__(key)
        self.kind, self.key = kind, key


def _checked(annotation: Any, value: Any, where: str) -> Any:
    """Return a value as its type has it. Raises `_WrongValueError` or `_UnknownKeyError` for the first mistake."""
    kind, rule = ruled(annotation)
    wrong = _WrongValueError(where, f"expected {expected(annotation)}, got {described(value)}")
    if isinstance(value, str) and rule.may_be_text:
        try:
            return _checked(kind, {fields(kind)[0].name: value} if is_table(kind) else [value], where)
        except _WrongValueError:
            raise wrong from None
    if is_table(kind) and isinstance(value, dict):
        return _checked_entry(kind, value, where)
    if get_origin(kind) is tuple and isinstance(value, list) and rule.allows(value):
        return tuple(_checked(get_args(kind)[0], each, f"{where}[{n}]") for n, each in enumerate(value))
    if get_origin(kind) is Literal and value in get_args(kind):
        return value
    is_of_kind = type(value) is kind or (kind is float and type(value) is int)
    if not is_of_kind or not rule.allows(value):
        raise wrong
    if rule.check is not None and (wanted := rule.check(value)):
        raise _WrongValueError(where, f"expected {wanted}, got {described(value)}")
    return kind(value)


def _checked_entry(kind: type[ConfigTable], table: Mapping[str, Any], where: str) -> ConfigTable:
    values: dict[str, Any] = {}
    for key, value in table.items():
        if key not in kind.__annotations__:
            raise _UnknownKeyError(kind, key)
        values[key] = _checked(kind.__annotations__[key], value, joined(where, key))
    for each in fields(kind):
        if each.default is MISSING and each.name not in values:
            raise _WrongValueError(joined(where, each.name), f"missing: expected {expected(each.type)}")
    entry = kind(**values)
    if isinstance(entry, CommandEntry):
        from tui.settings.keys import problem_of_command  # noqa: PLC0415  10 ms, which most files do not need

        if (problem := problem_of_command(entry)) is not None:
            raise _WrongValueError(f"{where}.{problem[0]}", problem[1])
    return entry


def _nearest(kind: type[ConfigTable], path: str, key: str) -> str | None:
    """Return the known key that is most like an unknown one: of its own table, else of any."""
    from difflib import get_close_matches  # noqa: PLC0415  only for a wrong file

    asked = key[:MAX_SHOWN_CHARS].lower()
    if own := get_close_matches(asked, kind.__annotations__, 1, _MIN_LIKENESS):
        return joined(path, own[0])
    by_name = {path.rpartition(".")[2]: path for path, _, _ in settings_in(FileSettings)}
    other = get_close_matches(asked, by_name, 1, _MIN_LIKENESS)
    return by_name[other[0]] if other else None


# Leaves out of a document the keys and commands that the table of bindings does not allow.


_COMMAND: Final = re.compile(r"commands\[(\d+)\]")


def with_checked_keys(file: ConfigFile) -> ConfigFile:
    """Return a file without the entries that are refused, and with what is wrong about them."""
    from tui.settings.keys import check_keys  # noqa: PLC0415  10 ms, which most files do not need

    values = file.values
    positions = sorted(int(found[1]) for key in file.keys if (found := _COMMAND.fullmatch(key)))
    commands = dict(zip(positions, values.commands, strict=True))
    checked = check_keys(values.keys, commands)
    keys = {binding: own for binding, own in values.keys.items() if binding in checked.keys}
    refused = {joined("keys", binding) for binding in values.keys if binding not in keys}
    refused |= {f"commands[{number}]" for number in checked.refused_commands}
    allowed = tuple(each for number, each in commands.items() if number not in checked.refused_commands)
    values = replace(values, keys=keys, commands=allowed)
    return replace(file, values=values, keys=file.keys - refused, complaints=(*file.complaints, *checked.problems))
