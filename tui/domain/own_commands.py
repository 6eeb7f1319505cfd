"""Commands of one's own: their arguments with placeholders, and the values that take their places."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from tui.domain.error import RunError, first_own_frame
from tui.domain.run import Run, RunId, TaskId
from tui.lazy_dataclass import dataclass

if TYPE_CHECKING:
    from tui.domain.error_kinds import ErrorKind


# The placeholders of commands of one's own, in one table: name, meaning, the scopes where they may be used, and value.
#
# The config file loads this module, so it imports nothing that is large.


class CommandScope(StrEnum):
    """What a command is about. The words are those of the config file."""

    RUN = "run"
    TASK = "task"
    GROUP = "error group"
    MARKS = "marks"


@dataclass(frozen=True, slots=True)
class Subject:
    """What the user selected, and where. None: not known here.

    * `run`: the run as it was last read; None in the scopes without one
    * `run_url`: the address of the run in the dashboard
    * `task`: the task of the run, or the only task of the group
    * `kind`: the kind of error of the group
    * `runs`: the marked runs
    * `api`: the address of the API; None behind a relay
    """

    environment: str | None = None
    project: str | None = None
    api: str | None = None
    run: Run | None = None
    run_url: str | None = None
    task: TaskId | None = None
    kind: "ErrorKind | None" = None
    runs: tuple[RunId, ...] = ()

    @property
    def name(self) -> str:
        """The subject in a few words: an id, a task, or how many runs."""
        if self.runs:
            return f"{len(self.runs)} runs" if len(self.runs) > 1 else self.runs[0]
        if self.kind is not None:
            return f"error group {self.kind.fingerprint}"
        if self.run is not None:
            return self.run.id
        return "nothing" if self.task is None else self.task


Value = str | Sequence[str] | None
"""The text exactly as the server sent it, or several. None and an empty text: there is no value. A view cleans it."""


@dataclass(frozen=True, slots=True)
class Placeholder:
    """One placeholder, such as `{run.id}`.

    * `sentence`: what stands in its place, for the documentation
    * `missing`: why there may be no value, such as "the run has no version"
    * `scopes`: where it may be used
    * `value`: its value for a selection
    * `is_list`: an argument with it becomes one argument for each value, and none without values
    """

    name: str
    sentence: str
    missing: str
    scopes: frozenset[CommandScope]
    value: Callable[[Subject], Value]
    is_list: bool = False


def _of_run(value: Callable[[Run], Value]) -> Callable[[Subject], Value]:
    return lambda subject: None if subject.run is None else value(subject.run)


def _of_error(value: Callable[[RunError], Value]) -> Callable[[Subject], Value]:
    return _of_run(lambda run: None if run.error_value is None else value(run.error_value))


def _of_group(value: "Callable[[ErrorKind], Value]") -> Callable[[Subject], Value]:
    return lambda subject: None if subject.kind is None else value(subject.kind)


def _error_frame(error: RunError) -> str | None:
    """Return file and line of the first own frame. The file begins at the project, as in the group of the error."""
    from tui.domain.error_kinds import kind_of  # noqa: PLC0415  50 ms of CPU, not at the start

    own = kind_of(error).frame
    if own is None or error.stack is None:
        return None
    frame = first_own_frame(error.stack, error.message)
    return own.file if frame is None or frame.line is None else f"{own.file}:{frame.line}"


_EVERYWHERE: Final = frozenset(CommandScope)
_RUN: Final = frozenset({CommandScope.RUN})
_GROUP: Final = frozenset({CommandScope.GROUP})
_MARKS: Final = frozenset({CommandScope.MARKS})
_WITH_TASK: Final = frozenset({CommandScope.RUN, CommandScope.TASK, CommandScope.GROUP})


_TABLE: Final = (
    Placeholder("run.id", "the run's id", "no run is selected", _RUN, _of_run(lambda run: run.id)),
    Placeholder("run.task", "the id of its task", "the task of the run is not known", _RUN, lambda each: each.task),
    Placeholder("run.status", "its status, such as COMPLETED_WITH_ERRORS", "the run has not been read",
                _RUN, _of_run(lambda run: None if run.state is None else run.status.value)),
    Placeholder("run.version", "the version it runs on", "the run has no version",
                _RUN, _of_run(lambda run: run.fixed.version)),
    Placeholder("run.tags", "its tags, each as an argument", "the run has not been read",
                _RUN, _of_run(lambda run: None if run.state is None else run.state.tags), is_list=True),
    Placeholder("run.url", "its address in the dashboard", "the address of the dashboard is not known",
                _RUN, lambda each: each.run_url),
    Placeholder("error.type", "the type of its error", "the run has no error type that was read",
                _RUN, _of_error(lambda error: error.code or error.name)),
    Placeholder("error.message", "the message of its error", "the run has no error that was read",
                _RUN, _of_error(lambda error: error.message)),
    Placeholder("error.frame", "file and line of the first frame of your code in the error",
                "no frame of your code is known for the run", _RUN, _of_error(_error_frame)),
    Placeholder("task.id", "the task of the run, or the group's only task", "there is no task, or more than one",
                _WITH_TASK, lambda each: each.task),
    Placeholder("group.fingerprint", "the fingerprint of the error group", "no group is selected",
                _GROUP, _of_group(lambda kind: kind.fingerprint)),
    Placeholder("group.type", "its error type", "the errors of the group have no type",
                _GROUP, _of_group(lambda kind: kind.type)),
    Placeholder("group.message", "its message without ids and numbers", "the errors of the group have no message",
                _GROUP, _of_group(lambda kind: kind.message)),
    Placeholder("group.frame", "the file of the first frame of your code", "the group has no frame of your code",
                _GROUP, _of_group(lambda kind: None if kind.frame is None else kind.frame.file)),
    Placeholder("runs", "the ids of the marked runs, each as an argument", "no run is marked",
                _MARKS, lambda each: each.runs or None, is_list=True),
    Placeholder("environment", "the environment, such as prod", "the environment is not known",
                _EVERYWHERE, lambda each: each.environment),
    Placeholder("project", "the project's reference, proj_…", "the project is not known",
                _EVERYWHERE, lambda each: each.project),
    Placeholder("api", "the address of the API", "this session has no address of an API: it is connected to a relay",
                _EVERYWHERE, lambda each: each.api),
)  # fmt: skip

PLACEHOLDERS: Final[Mapping[str, Placeholder]] = {each.name: each for each in _TABLE}
"""All placeholders by name. No others exist."""


# Finds the arguments that a program runs as a script. A value of the selection must not be a part of one.
#
# The table holds shells, interpreters and programs that hand their arguments to a shell. It cannot be complete: a
# program of one's own may do anything with its arguments.


_SHELLS: Final = frozenset({"sh", "bash", "zsh", "dash", "ash", "ksh", "mksh", "fish", "csh", "tcsh", "nix-shell"})
_INTERPRETERS: Final = re.compile(r"(python|pypy|perl|ruby|node|deno|bun|php|lua|osascript|pwsh|powershell)[\d.]*")
_SCRIPT_ANYWHERE: Final = frozenset({"su", "script", "flock"})
"""Their options may stand after a user or a file."""

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
    """Return whether an argument names a program: the first does, and others after `env`, `sudo` and the like."""
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
            return  # Perl and Ruby join several scripts; the rest are arguments of the script
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


# The arguments of a command of one's own with their placeholders, parsed once when the config file is read.
#
# `{name}` is a placeholder, `{{` and `}}` are braces. What would hand a value to an interpreter is refused: a value is
# an argument, never the name of a program and never a part of a script.


_PART: Final = re.compile(r"(\{\{|\}\}|\{[^{}]*\}|\{)")
_MIN_LIKENESS: Final = 0.5
_RUN_AS_SCRIPT: Final = (
    'a shell or an interpreter runs this argument as code; pass values as arguments after it, and read them as "$1"'
)

Part = str | Placeholder
"""A part of an argument: text, or a placeholder."""


class TemplateError(Exception):
    """An argument is wrong. `index` counts from 0; the text says what was expected."""

    def __init__(self, index: int, text: str) -> None:
        super().__init__(text)
        self.index = index


Template = tuple[tuple[Part, ...], ...]
"""A program and its arguments, each in parts."""


def parse_template(arguments: Sequence[str], scope: CommandScope) -> Template:
    """Parse the arguments of a command. Raises `TemplateError`."""
    parsed = tuple(tuple(_parts(text, index, scope)) for index, text in enumerate(arguments))
    if not arguments or not arguments[0]:
        raise TemplateError(0, "expected the name of a program")
    if _has_value(parsed[0]):
        raise TemplateError(0, "expected the name of a program, not a placeholder")
    for index, argument in enumerate(parsed):
        if sum(isinstance(part, Placeholder) and part.is_list for part in argument) > 1:
            raise TemplateError(index, "expected at most one placeholder for a list in one argument")
    for index in scripts_in(arguments):
        if index < len(parsed) and _has_value(parsed[index]):
            raise TemplateError(index, f"expected no placeholder: {_RUN_AS_SCRIPT}")
    return parsed


def _parts(text: str, index: int, scope: CommandScope) -> Iterator[Part]:
    literal = ""
    for piece in _PART.split(text):
        if piece in {"{{", "}}"}:
            literal += piece[0]
        elif not piece.startswith("{"):
            literal += piece
        elif not piece.endswith("}"):
            raise TemplateError(index, "expected } after the name of a placeholder; write {{ for a brace")
        else:
            if literal:
                yield literal
            literal = ""
            yield _placeholder(piece[1:-1], index, scope)
    if literal:
        yield literal


def _placeholder(name: str, index: int, scope: CommandScope) -> Placeholder:
    known = PLACEHOLDERS.get(name)
    here = [each.name for each in PLACEHOLDERS.values() if scope in each.scopes]
    if known is None:
        from difflib import get_close_matches  # noqa: PLC0415  only for a wrong file

        nearest = get_close_matches(name[:40], here, 1, _MIN_LIKENESS)
        hint = (
            f"did you mean {{{nearest[0]}}}?" if nearest else f"expected one of {', '.join(here)}, or {{{{ for a brace"
        )
        raise TemplateError(index, f"unknown placeholder {{{name}}}; {hint}")
    if scope not in known.scopes:
        wanted = " or ".join(f'scope = "{each}"' for each in CommandScope if each in known.scopes)
        raise TemplateError(index, f"{{{name}}} needs {wanted}")
    return known


def _has_value(argument: Sequence[Part]) -> bool:
    return any(isinstance(part, Placeholder) for part in argument)


# Puts the values of a selection into the arguments of a command. Each value is an argument, or a part of one.


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
    for argument in template:
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
    found = placeholder.value(subject)
    if found is None or found == "":
        raise CannotRun(f"{{{placeholder.name}}} has no value: {placeholder.missing}")
    values = [found] if isinstance(found, str) else list(found)
    for value in values:
        if "\0" in value:
            raise CannotRun(f"{{{placeholder.name}}} has a null character, which no argument can hold")
        try:
            value.encode()
        except UnicodeEncodeError:
            raise CannotRun(f"{{{placeholder.name}}} has half a surrogate pair, which no argument can hold") from None
    return values
