"""Checks a command of one's own beyond what its Struct can: its placeholders, its name, and whether its key may write.

`keys.check` checks whether the key is free. Only a file with commands loads this module.
"""

from contextlib import suppress
from typing import TYPE_CHECKING, Final

from tui.domain.own_commands.placeholders import CommandScope
from tui.domain.own_commands.template import TemplateError, parse_template
from tui.settings.keys.names import is_capital, parse_key
from tui.settings.keys.table import BINDINGS

if TYPE_CHECKING:
    from tui.settings.schema import CommandEntry

_WORDS: Final = frozenset(row.word for row in BINDINGS) | {row.id for row in BINDINGS}


def problem_of_command(entry: "CommandEntry") -> tuple[str, str] | None:
    """Return the field of a command that is wrong, and what was expected; None if nothing is."""
    try:
        parse_template(entry.command, CommandScope(entry.scope))
    except TemplateError as error:
        return f"command[{error.index}]", str(error)
    if not entry.key and (name := " ".join(entry.name.casefold().split())) in _WORDS:
        return "name", f'expected another name for a command without a key: "{name}" is one of the program'
    with suppress(ValueError):  # not a key: reported with those that are taken
        if entry.key and not entry.readonly and not is_capital(parse_key(entry.key)):
            hint = "readonly = true says that it changes nothing"
            return "key", f'what writes takes only a capital such as K, got "{entry.key}" ({hint})'
    return None
