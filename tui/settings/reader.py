"""Reads a TOML document as settings: a wrong value or an unknown key costs only itself."""

import re
from collections.abc import Mapping
from dataclasses import MISSING, Field, fields
from functools import cache, partial
from typing import Any, Final, Literal, TypeVar, get_args, get_origin

from pydantic_core import CoreSchema, ErrorDetails, PydanticCustomError, SchemaValidator, ValidationError, core_schema

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

# A wrong value becomes its default and a problem. Two kinds of values are taken whole or not at all. An entry of a list
# (a command, a view, a column) with anything wrong is left out: a command without one of its restrictions is not what
# its author meant. And what is wrong about `read_only` makes everything read-only.
#
# The core of pydantic checks the values. Its schemas are made here from the annotations: pydantic itself does the same,
# but the first frame, which waits for the theme, would come 70 ms later.


MAX_PROBLEMS: Final = 50
"""Problems of one document; the rest is counted. Of the rest, no unknown key is compared with the known ones."""

MAX_SHOWN_CHARS: Final = 40
"""Characters of a wrong value, and of an unknown key."""

LOCK: Final = "read_only"
ON_ALERT: Final = "on_alert"
_LOCKED: Final = "until this is right, everything is read-only"
_LEFT_OUT: Final = "; this entry is ignored"
_BARE_KEY: Final = re.compile(r"[A-Za-z0-9_-]+")
_WRONG: Final = object()
_MIN_LIKENESS: Final = 0.6
_CONFIG: Final = core_schema.CoreConfig(regex_engine="python-re")
_WRONG_VALUE: Final = "wrong_value"
_WRONG_KEY: Final = "[key]"
"""How pydantic names a key as the place of an error, after the key."""

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
            self._complain(ON_ALERT, f"ignored: bell.{ON_ALERT} is also set")
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
            # Each item is checked inside a collection of its own.
            items = [
                self._checked(annotation, {name: each}, joined(where, name), is_item=True)
                for name, each in value.items()
            ]
            found = {name: keys for item in items if item is not _WRONG for name, keys in item.items()}
            return {name: tuple(key for key in keys if key != UNBIND) for name, keys in found.items()}
        if isinstance(value, list) and entry_type(kind) is not None:
            if len(value) > (most := rule.bounds["max_length"]):
                return self._wrong(where, f"at most {most} entries", value)
            entries = [self._checked(annotation, [each], f"{where}[{n}]", is_item=True) for n, each in enumerate(value)]
            return tuple(entry[0] for entry in entries if entry is not _WRONG)
        return self._checked(annotation, value, where)

    def _checked(self, annotation: Any, value: Any, where: str, *, is_item: bool = False) -> Any:
        """Return a value that was checked as a whole, or `_WRONG`. An item is the only one of a collection."""
        entry = entry_type(ruled(annotation)[0]) if is_item else None
        try:
            read = _validator(annotation).validate_python(value)
        except ValidationError as error:
            self._complain_invalid(error.errors(include_url=False), value, where, entry, is_item=is_item)
            return _WRONG
        if (check := ruled(annotation)[1].check) is not None and (wanted := check(read)):
            return self._wrong(where, wanted, value)
        if entry is CommandEntry and (problem := _problem_of_command(read[0])) is not None:
            self._complain(f"{where}.{problem[0]}", f"{problem[1]}{_LEFT_OUT}")
            return _WRONG
        self.keys.append(where)
        return read

    def _complain_invalid(
        self, errors: list[ErrorDetails], value: Any, where: str, entry: type[ConfigTable] | None, *, is_item: bool
    ) -> None:
        """Report the errors of pydantic in our words. Of an entry, only the first one in the document counts."""
        end = _LEFT_OUT if entry else ""
        places = {key: place for place, key in enumerate(value[0])} if entry and isinstance(value[0], dict) else {}
        error = min(errors, key=lambda each: places.get(each["loc"][1], len(places)) if places else 0)
        steps = list(error["loc"][is_item:])
        name = str(steps.pop()) if error["type"] != _WRONG_VALUE or steps == [_WRONG_KEY] else ""
        for step in steps:
            where = f"{where}[{step}]" if isinstance(step, int) else joined(where, step)
        if error["type"] == _WRONG_VALUE and name:
            self._complain(where, f"unknown key: expected {error['ctx']['expected']}")
        elif error["type"] == _WRONG_VALUE:
            self._wrong(where, error["ctx"]["expected"], error["input"], end)
        elif entry is not None and error["type"] == "missing":
            self._complain(joined(where, name), f"missing: expected {expected(entry.__annotations__[name])}{end}")
        elif entry is not None:
            self._complain_unknown(entry, where, name, end)

    def _wrong(self, where: str, wanted: str, value: Any, end: str = "") -> Any:
        self._complain(where, f"expected {wanted}, got {described(value)}{end}")
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


def read_entry(annotation: Any, value: Any) -> Any:
    """Return an entry of a list from its table, without complaints. Raises `ValueError` for a wrong one."""
    return _validator(annotation).validate_python(value)


def parsed(annotation: Any, text: str) -> Any:
    """Return the value of a number, a choice or a text that is typed. Raises `ValueError` with the expected words."""
    kind, rule = ruled(annotation)
    try:
        given = kind(text) if kind in {int, float} else text
        if kind is bool:
            given = {"true": True, "false": False}.get(text)
        value = _validator(annotation).validate_python(given)
    except ValueError:  # pydantic's is one too
        raise ValueError(expected(annotation)) from None
    if rule.check is not None and (wanted := rule.check(value)):
        raise ValueError(wanted)
    return value


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


@cache
def _validator(annotation: Any) -> SchemaValidator:
    return SchemaValidator(_schema(annotation), _CONFIG)


def _schema(annotation: Any) -> CoreSchema:
    """Return the schema of a type with its rule. Any mistake in a value itself is one error, with our words."""
    kind, rule = ruled(annotation)
    match get_origin(kind):
        case None if is_table(kind):
            schema: Any = _table_schema(kind)
        case None:
            schema = {"type": kind.__name__, "strict": True}
        case origin if origin is Literal:
            schema = core_schema.literal_schema(list(get_args(kind)))
        case origin if origin is dict:
            schema = core_schema.dict_schema(*map(_schema, get_args(kind)))
        case _:
            schema = core_schema.tuple_schema([_schema(get_args(kind)[0])], variadic_item_index=0)
    return core_schema.no_info_wrap_validator_function(partial(_validated, annotation), schema | rule.bounds)


def _table_schema(kind: type[ConfigTable]) -> CoreSchema:
    parts = [core_schema.dataclass_field(each.name, _field_schema(each), kw_only=True) for each in fields(kind)]
    arguments = core_schema.dataclass_args_schema(kind.__name__, parts, extra_behavior="forbid")
    return core_schema.dataclass_schema(kind, arguments, list(kind.__annotations__), slots=True, config=_CONFIG)


def _field_schema(field: Field[Any]) -> CoreSchema:
    schema = _schema(field.type)
    return schema if field.default is MISSING else core_schema.with_default_schema(schema, default=field.default)


def _validated(annotation: Any, value: Any, validate: core_schema.ValidatorFunctionWrapHandler) -> Any:
    """Check a value. A mistake in the value itself is one error in our words; mistakes inside keep their own."""
    kind, rule = ruled(annotation)
    given = value
    if isinstance(value, str) and rule.may_be_text:
        given = {fields(kind)[0].name: value} if is_table(kind) else [value]
    try:
        return validate(given)
    except ValidationError as error:
        is_too_long = isinstance(value, list) and len(value) > rule.bounds.get("max_length", len(value))
        if given is value and not is_too_long and any(each["loc"] for each in error.errors(include_url=False)):
            raise
        raise PydanticCustomError(_WRONG_VALUE, "expected {expected}", {"expected": expected(annotation)}) from None


def _nearest(kind: type[ConfigTable], path: str, key: str) -> str | None:
    """Return the known key that is most like an unknown one: of its own table, else of any."""
    from difflib import get_close_matches  # noqa: PLC0415  only for a wrong file

    asked = key[:MAX_SHOWN_CHARS].lower()
    if own := get_close_matches(asked, kind.__annotations__, 1, _MIN_LIKENESS):
        return joined(path, own[0])
    by_name = {path.rpartition(".")[2]: path for path, _, _ in settings_in(FileSettings)}
    other = get_close_matches(asked, by_name, 1, _MIN_LIKENESS)
    return by_name[other[0]] if other else None


def _problem_of_command(entry: CommandEntry) -> tuple[str, str] | None:
    """Return the field of a command that is wrong, and what was expected; None if nothing is.

    Whether its key is free is known once the bindings are: `keys.with_checked_keys`.
    """
    # Most files have no commands.
    from tui.domain.own_commands import CommandScope, TemplateError, parse_template  # noqa: PLC0415
    from tui.settings.keys import is_capital, parse_key  # noqa: PLC0415

    try:
        parse_template(entry.command, CommandScope(entry.scope))
        is_writing_key = entry.key and not entry.readonly and not is_capital(parse_key(entry.key))
    except TemplateError as error:
        return f"command[{error.index}]", str(error)
    except ValueError:  # not a key: reported with those that are taken
        return None
    if not is_writing_key:
        return None
    hint = "set readonly = true if it changes nothing"
    return "key", f'an action needs a capital letter such as K, got "{entry.key}" ({hint})'
