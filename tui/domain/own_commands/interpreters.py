"""Finds the arguments that a program runs as a script. A value of the selection must not be a part of one.

The table holds shells, interpreters and programs that hand their arguments to a shell. It cannot be complete: a program
of one's own may do anything with its arguments.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Final

_SHELLS: Final = frozenset(
    {"sh", "bash", "zsh", "dash", "ash", "ksh", "mksh", "fish", "csh", "tcsh", "su", "script", "flock"}
)
_INTERPRETERS: Final = re.compile(r"(python|pypy|perl|ruby|node|deno|bun|php|lua|osascript)[\d.]*")
_AWKS: Final = frozenset({"awk", "gawk", "mawk", "nawk"})
_TO_A_SHELL: Final = frozenset({"ssh", "eval", "watch", "tmux", "screen", "parallel"})
_WRAPPERS: Final = frozenset(
    {"env", "sudo", "doas", "nohup", "nice", "ionice", "timeout", "time", "setsid", "stdbuf", "command", "exec",
     "busybox", "xargs", "caffeinate"}
)  # fmt: skip
_SCRIPT_OPTION: Final = re.compile(r"-[A-Za-z]*[cCeEpr][A-Za-z]*|--(command|eval|execute|print|run)")
_SCRIPT_IN_OPTION: Final = re.compile(r"--(command|eval|execute|print|run)=|-[ceE](?=[^A-Za-z-])")
_TAKES_A_VALUE: Final = frozenset({"-o", "-O", "-W", "-X", "-I", "-M", "+o", "+O"})


def scripts_in(arguments: Sequence[str]) -> Iterator[int]:
    """Yield the index of each argument that is run as a script, or as a part of one."""
    for index, text in enumerate(arguments):
        name = text.rpartition("/")[2]
        behind = range(index + 1, len(arguments))
        if name in _SHELLS or _INTERPRETERS.fullmatch(name):
            yield from _behind_options(arguments, behind)
        elif name in _AWKS:
            yield from _first_word(arguments, behind)
        elif name in _TO_A_SHELL and _is_program(arguments, index):
            yield from behind


def _is_program(arguments: Sequence[str], index: int) -> bool:
    """Return whether an argument names a program: the first does, and others behind `env`, `sudo` and the like."""
    return not index or arguments[0].rpartition("/")[2] in _WRAPPERS


def _behind_options(arguments: Sequence[str], behind: range) -> Iterator[int]:
    """Yield the script of `sh -c`, `bash -o pipefail -ec`, `node --eval=…`. A file of a script ends the options."""
    takes_value = False
    for index in behind:
        text = arguments[index]
        if not takes_value and not text.startswith(("-", "+")):
            return
        takes_value = text in _TAKES_A_VALUE
        if _SCRIPT_OPTION.fullmatch(text):
            yield index + 1
        elif _SCRIPT_IN_OPTION.match(text):
            yield index


def _first_word(arguments: Sequence[str], behind: range) -> Iterator[int]:
    """Yield the program of awk: its first argument that is no option and no value of one, such as `-v x=…`."""
    for index in behind:
        if not arguments[index].startswith("-") and arguments[index - 1] not in {"-v", "-F", "-f"}:
            yield index
            return
