"""Leaves out of a document the keys and commands that the table of bindings does not allow."""

import re
from dataclasses import replace
from typing import Final

from msgspec.structs import replace as with_fields

from tui.settings.keys.check import KeyProblem, check_keys
from tui.settings.reader import Document
from tui.settings.settings import UNBIND

_COMMAND: Final = re.compile(r"commands\[(\d+)\]")


def with_checked_keys(document: Document) -> tuple[Document, tuple[KeyProblem, ...]]:
    """Return a document without the entries that are refused, and what is wrong about them."""
    values = document.values
    names = {binding: (own,) if isinstance(own, str) else own for binding, own in values.keys.items()}
    entries = {binding: tuple(each for each in own if each != UNBIND) for binding, own in names.items()}
    positions = sorted(int(found[1]) for key in document.keys if (found := _COMMAND.fullmatch(key)))
    checked = check_keys(entries, dict(zip(positions, values.commands, strict=True)))
    kept = {binding: own for binding, own in values.keys.items() if binding in checked.keys}
    refused = {f"keys.{binding}" for binding in values.keys if binding not in kept}
    refused |= {f"commands[{number}]" for number in checked.refused_commands}
    pairs = zip(positions, values.commands, strict=True)
    commands = tuple(each for number, each in pairs if number not in checked.refused_commands)
    return (
        replace(document, values=with_fields(values, keys=kept, commands=commands), keys=document.keys - refused),
        checked.problems,
    )
