"""The settings described: the file that `config --init` writes, its schema, and the settings in effect."""

import json
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from itertools import zip_longest
from typing import Any, Final, Literal, NamedTuple, get_args, get_origin

import msgspec
from msgspec import NODEFAULT, Meta, Struct
from msgspec.structs import FieldInfo, fields

from tui.domain.own_commands import PLACEHOLDERS, CommandScope
from tui.settings.key_checks import listed_bindings
from tui.settings.reader import entry_type, is_struct, unwrapped
from tui.settings.reading import FILE, KEY_OF_FIELD, ROLES, VIEWS, is_set
from tui.settings.schema import Bell, ColumnEntry, FileSettings, OwnColumns
from tui.settings.settings import FINDING_FIELDS, UNBIND, Settings

# The file that `trigger-tui config --init` writes: every setting with its description, commented out.
#
# It is made from the Structs of the schema. Prose begins with `# `, a setting with `#` alone, as in the files of sshd:
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


def commented_file(colors: Mapping[str, str], columns: Mapping[str, Sequence[str]]) -> str:
    """Return the text of a new config file.

    * `colors`: the colours of the dark theme, by role
    * `columns`: the names of the columns, by view
    """
    parts = [*_prose(_INTRO)]
    for field in fields(FileSettings):
        kind, metas = unwrapped(field.type)
        parts += ["", *_prose(_description(kind, metas))]
        if is_struct(kind):
            parts += _columns(columns) if kind is OwnColumns else ()
            parts += [f"#[{field.name}]", *_table(kind, colors if field.name == "colors" else {})]
        elif field.name == "keys":
            parts += _keys()
        elif field.name in _EXAMPLES:
            if (entry := entry_type(get_args(kind)[0])) is not None:
                parts += _entry(entry)
                parts += _placeholders() if field.name == "commands" else ()
                parts.append("#")
            parts += ["# An example:", *(f"#{line}" for line in _EXAMPLES[field.name])]
        else:
            parts.append(f"#{field.name} = {_toml(_default(field))}")
    return "\n".join(parts) + "\n"


def _table(kind: type[Struct], shown: Mapping[str, str]) -> Iterator[str]:
    for field in fields(kind):
        yield from _prose(_description(*unwrapped(field.type)))
        yield f"#{field.name} = {_toml(shown.get(field.name, _default(field)))}"


def _description(kind: Any, metas: tuple[Meta, ...]) -> str:
    """Return what a setting is for, and which words it may be."""
    text = next((meta.description for meta in reversed(metas) if meta.description), "")
    words = next((meta.extra["expected"] for meta in metas if meta.extra), "") if get_origin(kind) is Literal else ""
    return f"{text} One of {words}." if words else text


def _entry(kind: type[Struct]) -> Iterator[str]:
    """Yield what the fields of an entry of a list are for."""
    yield "#"
    for field in fields(kind):
        text = _description(*unwrapped(field.type))
        if field.default is not NODEFAULT and field.default not in {"", ()}:
            text += f" Without it: {_toml(field.default)}."
        yield from _labelled(field.name, text)


def _columns(names: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """Yield what may stand in the lists of columns."""
    yield from _entry(ColumnEntry)
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


def _keys() -> Iterator[str]:
    """Yield a line for each binding, by where it is first met."""
    yield "#[keys]"
    scope = ""
    for each in listed_bindings({}):
        if each.scope != scope:
            scope = each.scope
            yield "#"
            yield f"# {scope}"
        setting = f"#{each.id} = {_toml(each.default[0] if len(each.default) == 1 else each.default)}"
        if len(line := f"{setting}  # {each.sentence}") <= _WIDTH:
            yield line
        else:
            yield from _prose(each.sentence)
            yield setting


def _default(field: FieldInfo) -> Any:
    return field.default if field.default is not NODEFAULT else field.default_factory()


def _prose(text: str) -> Iterator[str]:
    """Yield a description as comments. Line breaks of the source are spaces, empty lines stay."""
    paragraphs = textwrap.dedent(text.replace("\n    ", "\n")).strip().split("\n\n")
    for number, paragraph in enumerate(paragraphs):
        if number:
            yield "#"
        yield from (f"# {line}" for line in textwrap.wrap(" ".join(paragraph.split()), _WIDTH))


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


# The JSON Schema of the config file, made from the Structs. Editors use it to complete and check the file.


DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"


def config_schema() -> dict[str, Any]:
    """Return the schema, draft 2020-12."""
    return {"$schema": DIALECT, "title": "trigger-tui config.toml", **_in_toml(msgspec.json.schema(FileSettings))}


def _in_toml(schema: Any) -> Any:
    """Return a part of the schema without null, which TOML has not, and with a paragraph on each line."""
    match schema:
        case {"anyOf": [only, {"type": "null"}], **more}:
            return _in_toml({key: value for key, value in more.items() if key != "default"} | only)
        case {"description": str(text), **more}:
            return {"description": paragraphs(text)} | _in_toml(more)
        case dict():
            return {key: _in_toml(value) for key, value in schema.items()}
        case list():
            return [_in_toml(each) for each in schema]
        case _:
            return schema


def paragraphs(text: str) -> str:
    """Return a docstring with an empty line between its paragraphs and no other line break."""
    return "\n\n".join(" ".join(each.split()) for each in text.split("\n\n") if each.strip())


# The settings in effect, each with its value and where it comes from. Secrets are only said to be set.


_SLOW: Final = {None: "auto", True: "always", False: "never"}
_ATTRIBUTES: Final = {
    "branch": "branch", "environment": "expect_env", "realtime": "realtime", "title": "has_title", "theme": "theme",
    "interval": "interval_s", "max_runs": "max_runs", "timezone": "timezone",
}  # fmt: skip
"""The field of `Settings` for each setting that a flag or a variable may decide and that is shown as it is."""

DEFAULT: Final = "default"


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
    origin_of = settings.origins.get
    yield EffectiveSetting("api", settings.api_url, origin_of("api_url", DEFAULT))
    key = "set, not shown" if has_key else "not set"
    yield EffectiveSetting("key", key, "TRIGGER_SECRET_KEY" if has_key else DEFAULT)
    for name, attribute in _ATTRIBUTES.items():
        yield EffectiveSetting(name, getattr(settings, attribute), origin_of(attribute, DEFAULT))
    everywhere = settings.read_only or not settings.key.may_write
    yield EffectiveSetting("read_only.everywhere", everywhere, origin_of("read_only", DEFAULT))
    yield _from_file(settings, "read_only.production", settings.read_only_in.production)
    yield _from_file(settings, "read_only.environments", list(settings.read_only_in.environments))
    yield EffectiveSetting("link.slow", _SLOW[settings.slow_link], origin_of("slow_link", DEFAULT))
    yield from _of_file(settings, environ, palette)


def _of_file(settings: Settings, environ: Mapping[str, str], palette: Mapping[str, str]) -> Iterator[EffectiveSetting]:
    """Yield what only the file can set. Of keys, those that it sets."""
    for role in ROLES:
        yield _from_file(settings, f"colors.{role}", settings.colors.get(role, palette[role]))
    for view in VIEWS:
        names = [each if isinstance(each, str) else each.column for each in settings.columns.get(view, ())]
        yield _from_file(settings, f"columns.{view}", names)
    for binding, keys in settings.keys.items():
        yield _from_file(settings, f"keys.{binding}", list(keys) or [UNBIND])
    if not settings.keys:
        yield EffectiveSetting("keys", [], DEFAULT)
    yield _from_file(settings, "views", [each.name for each in settings.views])
    yield _from_file(settings, "commands", [each.name for each in settings.commands])
    yield _program(settings, KEY_OF_FIELD["editor"], settings.editor, ("VISUAL", "EDITOR"), environ)
    yield _program(settings, KEY_OF_FIELD["pager"], settings.pager, ("PAGER",), environ)
    yield _from_file(settings, KEY_OF_FIELD["dashboard_url"], settings.dashboard_url)
    bell = settings.bell or Bell()
    for name in ("ring", *FINDING_FIELDS, "not_known"):
        yield _from_file(settings, f"bell.{name}", getattr(bell, name))
    yield _from_file(settings, "bell.quiet_hours", list(bell.quiet_hours))
    yield _from_file(settings, "bell.on_alert", list(bell.on_alert))


def _from_file(settings: Settings, key: str, value: Value) -> EffectiveSetting:
    return EffectiveSetting(key, value, FILE if is_set(settings.file, key) else DEFAULT)


def _program(
    settings: Settings, key: str, own: tuple[str, ...], variables: tuple[str, ...], environ: Mapping[str, str]
) -> EffectiveSetting:
    """Return a program: that of the file, else of the first variable that names one."""
    found = next((name for name in variables if environ.get(name, "").strip()), None)
    if own or found is None:
        return _from_file(settings, key, list(own))
    return EffectiveSetting(key, [environ[found].strip()], found)
