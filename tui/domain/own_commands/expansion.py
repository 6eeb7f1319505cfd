"""Puts the values of a selection into the arguments of a command. Each value is an argument, or a part of one."""

from tui.domain.own_commands.placeholders import Placeholder
from tui.domain.own_commands.template import Part, Template
from tui.domain.own_commands.values import VALUE_OF, Subject
from tui.lazy_dataclass import dataclass


class CannotRun(Exception):
    """A command has no sense for this selection. The text says which value is missing or impossible."""


@dataclass(frozen=True, slots=True)
class Expanded:
    """The arguments of one run of a command, the program first.

    `options` are the names of the placeholders whose value makes an argument begin with `-`, while no argument `--`
    stands before it: the program may take the value for an option.
    """

    arguments: tuple[str, ...]
    options: tuple[str, ...] = ()


def expand(template: Template, subject: Subject) -> Expanded:
    """Return the arguments of a command for a selection. Raises `CannotRun`."""
    arguments: list[str] = []
    options: dict[str, None] = {}
    ends_options = False
    for argument in template.arguments:
        expanded = _expanded(argument, subject)
        first = argument[0] if argument else ""
        if isinstance(first, Placeholder) and not ends_options and any(each.startswith("-") for each in expanded):
            options[first.name] = None
        ends_options = ends_options or argument == ("--",)
        arguments += expanded
    return Expanded(tuple(arguments), tuple(options))


def _expanded(argument: tuple[Part, ...], subject: Subject) -> list[str]:
    """Return one argument, or one for each value of a placeholder that stands for several."""
    texts = [""]
    for part in argument:
        values = [part] if isinstance(part, str) else _values(part, subject)
        texts = [text + value for text in texts for value in values]
    return texts


def _values(placeholder: Placeholder, subject: Subject) -> list[str]:
    found = VALUE_OF[placeholder.name](subject)
    if found is None or found == "":
        raise CannotRun(f"{{{placeholder.name}}} has no value: {placeholder.missing}")
    values = [found] if isinstance(found, str) else list(found)
    for value in values:
        if "\0" in value:
            raise CannotRun(f"{{{placeholder.name}}} has a null character, which no argument can hold")
        try:
            value.encode()
        except UnicodeEncodeError:
            raise CannotRun(f"{{{placeholder.name}}} has half a character, which no argument can hold") from None
    return values
