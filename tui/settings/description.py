"""The settings described: the file that `config --init` writes, its schema, and the settings in effect."""

import ast
import inspect
import json
import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import MISSING, Field, fields
from functools import cache
from itertools import pairwise, zip_longest
from typing import Any, Final, Literal, NamedTuple, get_args, get_origin

from tui.domain.own_commands import PLACEHOLDERS, CommandScope
from tui.settings import schema
from tui.settings.keys import BindingRow
from tui.settings.schema import ConfigTable, FileSettings, entry_type, expected, is_table, ruled, settings_in, value_at
from tui.settings.settings import DEFAULT, UNBIND, Settings

# The file that `trigger-tui config --init` writes: every setting with its description, commented out.
#
# It is made from the tables of the schema. Prose begins with `# `, a setting with `#` alone, as in the files of sshd:
# to use one, delete the `#` before it and before the header of its table.


_WIDTH: Final = 100
_LABEL: Final = 21

_INTRO: Final = """\
The settings of trigger-tui. Each one below has its default: delete the # before a line to change it, and that before
the header of its table, such as [colors]. Lines with # and a space are explanations.

The monitor reads this file again when it changes. `trigger-tui config` shows what is in effect and where it comes from,
`trigger-tui config --check` says what is wrong here. Flags and environment variables win over this file.
"""

_EXAMPLES: Final[Mapping[str, tuple[str, ...]]] = {
    "views": (
        "[[views]]",
        'name = "charges that fail"',
        'letter = "c"',
        'address = "runs?task=charge-*&status=failed"',
    ),
    "commands": (
        "[[commands]]",
        'name = "sentry"',
        'key = "F6"',
        'scope = "run"',
        'command = ["sentry-open", "{run.id}"]',
        "background = true",
        "readonly = true",
    ),
}
"""What stands for a table without defaults of its own."""


def commented_file(
    colors: Mapping[str, str], columns: Mapping[str, Sequence[str]], bindings: Iterable[BindingRow]
) -> str:
    """Return the text of a new config file.

    * `colors`: the colours of the dark theme, by role
    * `columns`: the names of the columns, by view
    * `bindings`: all bindings, by where they are first met
    """
    parts = [*_prose(_INTRO)]
    for field, text in _described(FileSettings):
        kind, _ = ruled(field.type)
        parts += ["", *_prose(_explained(field, text))]
        if is_table(kind):
            parts += _columns(columns) if kind is schema.OwnColumns else ()
            parts += [f"#[{field.name}]", *_table(kind, colors if field.name == "colors" else {})]
        elif field.name == "keys":
            parts += _keys(bindings)
        elif (entry := entry_type(kind)) is not None:
            parts += _entry(entry)
            parts += _placeholders() if entry is schema.CommandEntry else ()
            parts += ["#", "# An example:", *(f"#{line}" for line in _EXAMPLES[field.name])]
        else:
            parts.append(f"#{field.name} = {_toml(field.default)}")
    return "\n".join(parts) + "\n"


def _table(kind: type[ConfigTable], shown: Mapping[str, str]) -> Iterator[str]:
    for field, text in _described(kind):
        yield from _prose(_explained(field, text))
        yield f"#{field.name} = {_toml(shown.get(field.name, field.default))}"


def _described(table: type[ConfigTable]) -> Iterator[tuple[Field[Any], str]]:
    """Yield the fields of a table with their descriptions."""
    for field in fields(table):
        kind, _ = ruled(field.type)
        text = kind.__doc__ if is_table(kind) else _docstrings().get((table.__name__, field.name))
        yield field, _paragraphs(text or "")


def _explained(field: Field[Any], text: str) -> str:
    """Return what a setting is for, and which words it may be."""
    return f"{text} One of {expected(field.type)}." if get_origin(ruled(field.type)[0]) is Literal else text


@cache
def _docstrings() -> Mapping[tuple[str, str], str]:
    """Return the docstrings of the fields in the schema, by their tables and names. Python itself keeps none."""
    return {
        (table.name, each.target.id): text.value.value
        for table in ast.parse(inspect.getsource(schema)).body
        if isinstance(table, ast.ClassDef)
        for each, text in pairwise(table.body)
        if isinstance(each, ast.AnnAssign) and isinstance(each.target, ast.Name)
        if isinstance(text, ast.Expr) and isinstance(text.value, ast.Constant) and isinstance(text.value.value, str)
    }


def _entry(kind: type[ConfigTable]) -> Iterator[str]:
    """Yield what the fields of an entry of a list are for."""
    yield "#"
    for field, text in _described(kind):
        end = f" Without it: {_toml(field.default)}." if field.default not in {MISSING, "", ()} else ""
        yield from _labelled(field.name, f"{_explained(field, text)}{end}")


def _columns(names: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """Yield what may stand in the lists of columns."""
    yield from _entry(schema.ColumnEntry)
    yield from ("#", "# The columns:", "#")
    for view, columns in names.items():
        yield from _labelled(view, ", ".join(columns))
    yield "#"


def _placeholders() -> Iterator[str]:
    """Yield what may stand in the arguments of a command, by the scopes where it may."""
    yield from ("#", *_prose("In the arguments, {{ and }} are braces, and these stand for values:"), "#")
    for placeholder in PLACEHOLDERS.values():
        scopes = [each.value for each in CommandScope if each in placeholder.scopes]
        where = "" if len(scopes) == len(CommandScope) else f" ({', '.join(scopes)})"
        yield from _labelled(f"{{{placeholder.name}}}", f"{placeholder.sentence}{where}")


def _labelled(label: str, text: str) -> Iterator[str]:
    lines = textwrap.wrap(text, _WIDTH - _LABEL) or [""]
    yield from (f"# {head:<{_LABEL}}{line}" for head, line in zip_longest((label,), lines, fillvalue=""))


def _keys(bindings: Iterable[BindingRow]) -> Iterator[str]:
    """Yield a line for each binding."""
    yield "#[keys]"
    scope = ""
    for each in bindings:
        if each.scope != scope:
            scope = each.scope
            yield "#"
            yield f"# {scope}"
        setting = f"#{each.id} = {_toml(each.names[0] if len(each.names) == 1 else each.names)}"
        if len(line := f"{setting}  # {each.sentence}") <= _WIDTH:
            yield line
        else:
            yield from _prose(each.sentence)
            yield setting


def _prose(text: str) -> Iterator[str]:
    """Yield a description as comments. Line breaks of the source are spaces, empty lines stay."""
    for number, paragraph in enumerate(_paragraphs(text).split("\n\n")):
        if number:
            yield "#"
        yield from (f"# {line}" for line in textwrap.wrap(paragraph, _WIDTH))


def _toml(value: Any) -> str:
    """Return a default as TOML writes it."""
    match value:
        case bool():
            return "true" if value else "false"
        case tuple():
            return f"[{', '.join(map(_toml, value))}]"
        case int() | float():
            return f"{value:g}"
        case _:
            return json.dumps(value)


# The JSON Schema of the config file, made from its tables. Editors use it to complete and check the file.


DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
_TYPES: Final = {str: "string", bool: "boolean", int: "integer", float: "number"}
_BOUNDS: Final = {"ge": "minimum", "le": "maximum", "min_length": "min{}", "max_length": "max{}"}


def config_schema() -> dict[str, Any]:
    """Return the schema, draft 2020-12."""
    tables: dict[str, Any] = {}
    root = _schema(FileSettings, tables)
    return {"$schema": DIALECT, "title": "trigger-tui config.toml", **root, "$defs": tables}


def _schema(annotation: Any, tables: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of a type with its rule. Adds the schemas of tables, to which it refers by their names."""
    kind, rule = ruled(annotation)
    match get_origin(kind):
        case None if is_table(kind):
            tables[kind.__name__] = _table_schema(kind, tables)
            found: dict[str, Any] = {"$ref": f"#/$defs/{kind.__name__}"}
        case None:
            found = {"type": _TYPES[kind]}
        case origin if origin is Literal:
            found = {"enum": list(get_args(kind))}
        case origin if origin is dict:
            keys, values = (_schema(each, tables) for each in get_args(kind))
            found = {"type": "object", "propertyNames": keys, "additionalProperties": values}
        case _:
            found = {"type": "array", "items": _schema(get_args(kind)[0], tables)}
    for name, bound in rule.bounds.items():
        found[_BOUNDS.get(name, name).format("Length" if kind is str else "Items")] = bound
    if rule.may_be_text:
        text_type = fields(kind)[0].type if is_table(kind) else get_args(kind)[0]
        found = {"anyOf": [_schema(text_type, tables), found]}
    return found


def _table_schema(kind: type[ConfigTable], tables: dict[str, Any]) -> dict[str, Any]:
    properties: dict[str, Any] = {}
    for field, text in _described(kind):
        properties[field.name] = {"description": text, **_schema(field.type, tables)}
        if field.default is not MISSING and not isinstance(field.default, ConfigTable) and kind is not schema.Colors:
            properties[field.name]["default"] = field.default
    return {
        "description": _paragraphs(kind.__doc__ or ""),
        "title": kind.__name__,
        "type": "object",
        "properties": properties,
        "required": [field.name for field in fields(kind) if field.default is field.default_factory is MISSING],
        "additionalProperties": False,
    }


def _paragraphs(text: str) -> str:
    """Return a docstring with an empty line between its paragraphs and no other line break."""
    return "\n\n".join(" ".join(each.split()) for each in text.split("\n\n") if each.strip())


# The settings in effect, each with its value and where it comes from. Secrets are only said to be set.


_FIELDS: Final = {"branch": "branch", "environment": "expect_env", "realtime": "realtime", "title": "has_title"}
"""The fields of `Settings` that no file sets, by the names under which they are shown."""


Value = str | float | bool | list[str] | None
"""A value as JSON has it."""


class EffectiveSetting(NamedTuple):
    """A setting. `name` is its key in the file, if it has one; `origin` is a flag, a variable, `file` or `default`."""

    name: str
    value: Value
    origin: str


def effective_settings(
    settings: Settings, environ: Mapping[str, str], palette: Mapping[str, str], *, has_key: bool
) -> Iterator[EffectiveSetting]:
    """Yield the settings of a session on the API. `palette` has the colours that are not set, by role.

    `has_key`: the variable with the key is set.
    """
    yield EffectiveSetting("api", settings.api_url, settings.origin("api_url"))
    key = "set, not shown" if has_key else "not set"
    yield EffectiveSetting("key", key, "TRIGGER_SECRET_KEY" if has_key else DEFAULT)
    for name, attribute in _FIELDS.items():
        yield EffectiveSetting(name, getattr(settings, attribute), settings.origin(attribute))
    shown: dict[str, Value] = {
        "interval": settings.interval_s,
        **{f"colors.{role}": color for role, color in {**palette, **settings.colors.filled}.items()},
    }
    origins: dict[str, str] = {}
    if not settings.key.may_write and not settings.read_only.everywhere:
        shown["read_only.everywhere"], origins["read_only.everywhere"] = True, "a public token"
    for program, variables in {"editor": ("VISUAL", "EDITOR"), "pager": ("PAGER",)}.items():
        found = next((each for each in variables if environ.get(each, "").strip()), None)
        if found is not None and not getattr(settings.programs, program):
            shown[f"programs.{program}"], origins[f"programs.{program}"] = [environ[found].strip()], found
    for key, value in _values(settings):
        yield EffectiveSetting(key, shown.get(key, value), origins.get(key) or settings.origin(key))


def _values(settings: Settings) -> Iterator[tuple[str, Value]]:
    """Yield the settings of the file by their keys. Of the keys of bindings, those that are set."""
    for path, _, _ in settings_in(FileSettings):
        value = value_at(settings, path)
        if value and path == "keys":
            yield from ((f"{path}.{binding}", list(keys) or [UNBIND]) for binding, keys in value.items())
        elif not isinstance(value, ConfigTable):
            yield path, _in_json(value)


def _in_json(value: Any) -> Any:
    """Return a value as JSON has it. Of the tables in a list, only their names."""
    if not isinstance(value, tuple | dict):
        return None if value == "" else value
    return [getattr(each, fields(each)[0].name) if isinstance(each, ConfigTable) else each for each in value]
