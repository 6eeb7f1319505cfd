"""The arguments of a command of one's own with their placeholders, parsed once when the config file is read.

`{name}` is a placeholder, `{{` and `}}` are braces. What would hand a value to an interpreter is refused: a value is an
argument, never the name of a program and never a part of a script.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Final

from tui.domain.own_commands.interpreters import scripts_in
from tui.domain.own_commands.placeholders import PLACEHOLDERS, CommandScope, Placeholder
from tui.lazy_dataclass import dataclass

_PART: Final = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|\{")
_MIN_LIKENESS: Final = 0.5
_RUN_AS_SCRIPT: Final = (
    'a shell or an interpreter runs this argument; pass values behind a script, which has them as "$1"'
)

Part = str | Placeholder
"""A part of an argument: text, or a placeholder."""


class TemplateError(Exception):
    """An argument is wrong. `index` counts from 0; the text says what was expected."""

    def __init__(self, index: int, text: str) -> None:
        super().__init__(text)
        self.index = index


@dataclass(frozen=True, slots=True)
class Template:
    """A program and its arguments, each in parts."""

    arguments: tuple[tuple[Part, ...], ...]


def parse_template(arguments: Sequence[str], scope: CommandScope) -> Template:
    """Parse the arguments of a command. Raises `TemplateError`."""
    parsed = tuple(tuple(_parts(text, index, scope)) for index, text in enumerate(arguments))
    if not arguments or not arguments[0]:
        raise TemplateError(0, "expected the name of a program")
    if _has_value(parsed[0]):
        raise TemplateError(0, "expected the name of a program: a value of the selection cannot be one")
    for index, argument in enumerate(parsed):
        if sum(isinstance(part, Placeholder) and part.is_list for part in argument) > 1:
            raise TemplateError(index, "expected at most one placeholder that stands for several values")
    for index in scripts_in(arguments):
        if index < len(parsed) and _has_value(parsed[index]):
            raise TemplateError(index, f"expected no placeholder: {_RUN_AS_SCRIPT}")
    return Template(parsed)


def _parts(text: str, index: int, scope: CommandScope) -> Iterator[Part]:
    begin = 0
    literal = ""
    for found in _PART.finditer(text):
        literal += text[begin : found.start()]
        begin = found.end()
        if found.group() in {"{{", "}}"}:
            literal += found.group()[0]
            continue
        if found[1] is None:
            raise TemplateError(index, "expected } behind the name of a placeholder, or {{ for a brace")
        if literal:
            yield literal
            literal = ""
        yield _placeholder(found[1], index, scope)
    if literal := literal + text[begin:]:
        yield literal


def _placeholder(name: str, index: int, scope: CommandScope) -> Placeholder:
    known = PLACEHOLDERS.get(name)
    here = [each.name for each in PLACEHOLDERS.values() if scope in each.scopes]
    if known is None:
        from difflib import get_close_matches  # noqa: PLC0415  only for a wrong file

        nearest = get_close_matches(name[:40], here, 1, _MIN_LIKENESS)
        hint = f"did you mean {{{nearest[0]}}}?" if nearest else f"expected one of {', '.join(here)}; {{{{ is a brace"
        raise TemplateError(index, f"unknown placeholder {{{name}}}; {hint}")
    if scope not in known.scopes:
        wanted = " or ".join(f'scope = "{each}"' for each in CommandScope if each in known.scopes)
        raise TemplateError(index, f"{{{name}}} needs {wanted}")
    return known


def _has_value(argument: Sequence[Part]) -> bool:
    return any(isinstance(part, Placeholder) for part in argument)
