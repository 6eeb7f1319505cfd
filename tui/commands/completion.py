"""Completes options and their values in bash, zsh and fish: statuses, names that the monitor has seen, saved views.

Reads only small local files.
"""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

import click
from click.shell_completion import (
    BashComplete,
    CompletionItem,
    FishComplete,
    ShellComplete,
    add_completion_class,
    split_arg_string,
)

from tui.domain.run import STATUS_TABLE, fold
from tui.domain.text import clean
from tui.settings.file import load_config
from tui.settings.private_files import MAX_BYTES, names_path, saved_json
from tui.settings.settings import state_dir

MAX_VIEWS_BYTES: Final = 2 * 1024 * 1024

_BASH: Final = r"""%(complete_func)s() {
    local type value line=${COMP_LINE:0:COMP_POINT} kept=
    local word=${line##*[[:space:]=]}
    # Bash replaces only the text after the last colon.
    [[ $COMP_WORDBREAKS == *:* && $word == *:* ]] && kept=${word%%"${word##*:}"}
    COMPREPLY=()
    while IFS=, read -r type value; do
        case $type in
            plain) printf -v value '%%q' "${value#"$kept"}"; COMPREPLY+=("$value") ;;
            file) compopt -o default 2>/dev/null ;;
            dir) compopt -o dirnames 2>/dev/null ;;
        esac
    done < <(COMP_WORDS=$line %(complete_var)s=bash_complete "$1" 2>/dev/null)
}
complete -F %(complete_func)s %(prog_name)s
"""
"""The script of click needs bash 4.4, splits words at colons, and lets the shell run code that stands in a name."""


@add_completion_class
class _Bash(BashComplete):
    source_template = _BASH

    def source(self) -> str:
        return ShellComplete.source(self)  # that of `BashComplete` starts a bash to know its version

    def get_completion_args(self) -> tuple[list[str], str]:
        line = os.environ["COMP_WORDS"]
        words = split_arg_string(line)[1:]
        return (words, "") if line.endswith(" ") or not words else (words[:-1], words[-1])


@add_completion_class
class _Fish(FishComplete):
    source_template = FishComplete.source_template.replace('split ","', 'split --max 1 ","')  # addresses have commas


# The annotations are texts: `CompletionItem` takes no type before click 8.5.
def complete_values(_: click.Context, param: click.Parameter, incomplete: str) -> "list[CompletionItem[str]]":
    """Complete the last of the values of a filter, which commas separate."""
    before, comma, last = incomplete.rpartition(",")
    statuses = (fold(row.title).replace(" ", "-") for row in STATUS_TABLE if row.filter)
    values = statuses if param.name == "status" else _seen(str(param.name))
    return [CompletionItem(f"{before}{comma}{each}") for each in values if each.startswith(last)]


def complete_addresses(_: click.Context, __: click.Parameter | None, incomplete: str) -> "list[CompletionItem[str]]":
    """Complete the address of a saved view from the beginning of its address or of its name."""
    views = {each.name: each.address for each in load_config(os.environ).values.views}
    with suppress(TypeError, KeyError):
        saved = saved_json(Path(state_dir(os.environ), "views.json"), MAX_VIEWS_BYTES)
        views = {**{each["name"]: each["address"] for each in saved["views"]}, **views}
    typed = incomplete.casefold()
    return [
        CompletionItem(address, help=name)
        for name, address in views.items()
        if _is_safe(name)
        and _is_safe(address)
        and (address.startswith(incomplete) or name.casefold().startswith(typed))
    ]


def _seen(kind: str) -> Iterator[str]:
    key = os.environ.get("TRIGGER_SECRET_KEY", "").strip()
    with suppress(TypeError, KeyError):
        yield from filter(_is_safe, saved_json(names_path(state_dir(os.environ), key), MAX_BYTES)["names"][kind])


def _is_safe(name: object) -> bool:
    """Return whether a text is one word of a command line, as it is shown, on one line."""
    return isinstance(name, str) and name.isprintable() and clean(name) == name != "" and name[0] != "-"
