"""The file that `trigger-tui config --init` writes: every setting with its description, commented out.

It is made from the Structs of the schema. Prose begins with `# `, a setting with `#` alone, as in the files of sshd: to
use one, delete the `#` before it and before the header of its table.
"""

import json
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from itertools import zip_longest
from typing import Any, Final, Literal, get_args, get_origin

from msgspec import NODEFAULT, Meta, Struct
from msgspec.structs import FieldInfo, fields

from tui.domain.own_commands.placeholders import PLACEHOLDERS, CommandScope
from tui.settings.keys.listed import listed_bindings
from tui.settings.reader import entry_type, is_struct, unwrapped
from tui.settings.schema import ColumnEntry, FileSettings, OwnColumns

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
            parts += _example(field.name)
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


def _example(name: str) -> Iterator[str]:
    yield "# An example:"
    for line in _EXAMPLES[name]:
        yield f"#{line}"


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
