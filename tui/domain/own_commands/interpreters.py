"""Finds the arguments that a program runs as a script. A value of the selection must not be a part of one.

The table holds shells, interpreters and programs that hand their arguments to a shell. It cannot be complete: a program
of one's own may do anything with its arguments.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Final

_SHELLS: Final = frozenset({"sh", "bash", "zsh", "dash", "ash", "ksh", "mksh", "fish", "csh", "tcsh", "nix-shell"})
_INTERPRETERS: Final = re.compile(r"(python|pypy|perl|ruby|node|deno|bun|php|lua|osascript|pwsh|powershell)[\d.]*")
_SCRIPT_ANYWHERE: Final = frozenset({"su", "script", "flock"})
"""Their options may stand behind a user or a file."""

_AWKS: Final = frozenset({"awk", "gawk", "mawk", "nawk"})
_TO_A_SHELL: Final = frozenset({"ssh", "eval", "watch", "tmux", "screen", "parallel"})
_WRAPPERS: Final = frozenset(
    {"env", "sudo", "doas", "nohup", "nice", "ionice", "timeout", "time", "setsid", "stdbuf", "command", "exec",
     "busybox", "xargs", "caffeinate"}
)  # fmt: skip
_SCRIPT_OPTION: Final = re.compile(
    r"-[A-Za-z]*[cCeEpr][A-Za-z]*|--(command|eval|execute|init-command|print|run)|eval", re.IGNORECASE
)
_SCRIPT_IN_OPTION: Final = re.compile(r"--(command|eval|execute|init-command|print|run)=|-[ceE](?=[^A-Za-z-])")
_TAKES_A_VALUE: Final = frozenset(
    {"-o", "-O", "-W", "-X", "-I", "-M", "+o", "+O", "-d", "-l", "-r", "--rcfile", "--init-file", "--require",
     "--import", "--loader"}
)  # fmt: skip
_ENDS_IN_O: Final = re.compile(r"[-+][A-Za-z]*[oO]")
"""Letters of a shell with the one that takes a name, as `-euo pipefail`."""

_SPLITS: Final = {"env": "-S", "sudo": "-s", "doas": "-s"}
"""Options of wrappers that make a command line of what follows."""


def scripts_in(arguments: Sequence[str]) -> Iterator[int]:
    """Yield the index of each argument that is run as a script, or as a part of one."""
    for index, text in enumerate(arguments):
        name = text.rpartition("/")[2]
        behind = range(index + 1, len(arguments))
        if name in _SHELLS or _INTERPRETERS.fullmatch(name):
            yield from _behind_options(arguments, behind)
        elif name in _SCRIPT_ANYWHERE and _is_program(arguments, index):
            yield from _behind_options(arguments, behind, is_anywhere=True)
        elif name in _AWKS:
            yield from _first_word(arguments, behind)
        elif name in _TO_A_SHELL and _is_program(arguments, index):
            yield from behind
        elif name in _SPLITS and _is_program(arguments, index):
            yield from _behind_split(arguments, behind, _SPLITS[name])


def _is_program(arguments: Sequence[str], index: int) -> bool:
    """Return whether an argument names a program: the first does, and others behind `env`, `sudo` and the like."""
    return not index or arguments[0].rpartition("/")[2] in _WRAPPERS


def _behind_options(arguments: Sequence[str], behind: range, *, is_anywhere: bool = False) -> Iterator[int]:
    """Yield the script of `sh -c`, `bash -o pipefail -ec --`, `node --eval=…`. A file of a script ends the options.

    `is_anywhere`: a word does not end them.
    """
    takes_value = wants_script = has_script = False
    for index in behind:
        text = arguments[index]
        is_script = _SCRIPT_OPTION.fullmatch(text) is not None
        if not takes_value and not is_script and not text.startswith(("-", "+")):
            if is_anywhere:
                continue
            if not wants_script:
                return
            yield index  # options may stand between `-c` and the script
            wants_script, has_script = False, True
            continue
        if has_script and not is_script:
            return  # Perl and Ruby join several scripts; all else behind one is an argument of it
        takes_value = text in _TAKES_A_VALUE or _ENDS_IN_O.fullmatch(text) is not None
        if is_script:
            wants_script = text not in _TAKES_A_VALUE
            yield index + 1
        elif _SCRIPT_IN_OPTION.match(text):
            yield index


def _behind_split(arguments: Sequence[str], behind: range, option: str) -> Iterator[int]:
    """Yield what `env -S` splits into a command, and what `sudo -s` gives to a shell."""
    for index in behind:
        if arguments[index].startswith(option):
            yield from range(index, len(arguments))
            return
        if not arguments[index].startswith("-"):
            return


def _first_word(arguments: Sequence[str], behind: range) -> Iterator[int]:
    """Yield the program of awk: its first argument that is no option and no value of one, such as `-v x=…`."""
    for index in behind:
        if not arguments[index].startswith("-") and arguments[index - 1] not in {"-v", "-F", "-f"}:
            yield index
            return
