"""Checks a command of one's own beyond what its Struct can: its placeholders, and its key.

Only a file with commands loads this module.
"""

import re
from typing import TYPE_CHECKING, Final

from tui.domain.own_commands.placeholders import CommandScope
from tui.domain.own_commands.template import TemplateError, parse_template

if TYPE_CHECKING:
    from tui.settings.schema import CommandEntry

_WRITING_KEY: Final = re.compile(r"[A-Z]")


def problem_of_command(entry: "CommandEntry") -> tuple[str, str] | None:
    """Return the field of a command that is wrong, and what was expected; None if nothing is."""
    try:
        parse_template(entry.command, CommandScope(entry.scope))
    except TemplateError as error:
        return f"command[{error.index}]", str(error)
    if entry.key and not entry.readonly and not _WRITING_KEY.fullmatch(entry.key):
        hint = "readonly = true says that it changes nothing"
        return "key", f'what writes takes only a capital such as K, got "{entry.key}" ({hint})'
    return None
