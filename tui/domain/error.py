"""`RunError`: why a run failed, and its stack."""

import re
from collections.abc import Iterable
from enum import StrEnum
from typing import Final

from tui.domain.text import Raw, raw_or_none, shortened
from tui.lazy_dataclass import dataclass

# `RunError`: why a run failed. The API returns errors in five places, each in another form; all become a `RunError`.
#
# The five are REST's `error`, the exception event of a span, `properties.error` of a span detail, the `error` column of
# the realtime feed, and `attempts[].error` of old servers.
# Source: tests/wire/recordings/README.md §4, §5, §8.


MAX_NAME_CHARS: Final = 1_000
"""An error's name is a class name. A longer one is cut."""

# REST returns only 'trigger.dev internal error (CODE)' for a crash, a timeout or an uncaught exception.
_REST_INTERNAL = re.compile(r"trigger\.dev internal error \((\w+)\)\Z")
# The root span names the same error 'Internal error', and its message is 'CODE: the real message' or the code alone.
_SPAN_INTERNAL = re.compile(r"([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)(?:: (.*))?\Z", re.DOTALL)
INTERNAL_NAME = "Internal error"


@dataclass(frozen=True, slots=True)
class RunError:
    """The error of a run or of an attempt.

    * `name`: the class of the exception.
    * `stack`: the stack trace as Node prints it.
    * `code`: set for a failure outside the task's code, such as `TASK_PROCESS_EXITED_WITH_NON_ZERO_CODE`.
    * `causes`: the chain of causes, if the server sends one.
    * `has_code_only`: the message contains only the code, because REST does not return the real message.
    """

    message: Raw
    name: Raw | None = None
    stack: Raw | None = None
    code: str | None = None
    causes: tuple["RunError", ...] = ()
    has_code_only: bool = False


def build_error(
    message: str | None, *, name: str | None = None, stack: str | None = None, causes: tuple[RunError, ...] = ()
) -> RunError:
    """Build an error from its parts, each of which the server may leave out. `message` may contain the code."""
    text = message or ""
    name = name and shortened(name, MAX_NAME_CHARS)
    if name is None and (match := _REST_INTERNAL.match(text)):
        return RunError(Raw(text), None, raw_or_none(stack), match[1], causes, has_code_only=True)
    if name == INTERNAL_NAME and (match := _SPAN_INTERNAL.match(text)):
        return RunError(Raw(match[2] or match[1]), Raw(name), raw_or_none(stack), match[1], causes)
    return RunError(Raw(text), raw_or_none(name), raw_or_none(stack), None, causes)


# Parses a Node stack trace into frames, and finds which of them are the project's own code.
#
# Source: tests/wire/recordings/README.md §5; the documentation of V8's stack trace API for forms that no recording has.


class FrameKind(StrEnum):
    """The owner of the code: the project, an installed package, or the runtime (Node or Bun).

    A note is no frame: a line between frames, such as `Originating from:` or `... 12 frames omitted ...`.
    """

    OWN = "own"
    DEPENDENCY = "dependency"
    NODE = "node"
    NOTE = "note"


_LINE = re.compile(r"([ \t]*)at (\S.*)", re.DOTALL)
_POSITION = re.compile(r"(.*?):([0-9]{1,9})(?::([0-9]{1,9}))?\Z", re.DOTALL)
_END_OF_POSITION = re.compile(r":[0-9]+:[0-9]+(?=\))")
# The parenthesis before a place. A function may have a name with others.
_OPENING = re.compile(r"(?:\A| )\((?=native\)|index |eval at |[^()]*[:\\/<])")
_NODE_MODULES = re.compile(r"(?<![^\\/])node_modules[\\/]")
_PACKAGE = re.compile(rf".*{_NODE_MODULES.pattern}((?:@[^\\/]+[\\/])?[^.@\\/][^\\/]*)", re.DOTALL)
_NOTE = re.compile(r"[A-Za-z][\w ]{2,40}:?\Z|-{3,}\Z")
_CAUSE = re.compile(r"\s*\[?(?:caused by|cause|errors)\b|.*\b[A-Z]\w*(?:Error|Exception)\b", re.IGNORECASE)
_NAMELESS = ("<anonymous>", "<computed>")
_RUNTIME = ("node:", "bun:", "internal/", "wasm://")
_NOWHERE = frozenset({"", "native", "<anonymous>"})

_SCHEME = re.compile(r"(?:file|webpack(?:-internal)?|app)://(?:/(?=[A-Za-z]:[\\/]))?(?:/?\(\w+\))?(?:/?\./)?")
# The directory in which `trigger dev` builds the project, and the project's in container images.
_ROOT = re.compile(r".*/\.trigger/tmp/[^/]+/|/(?:usr/src/app|app|workspace|var/task|opt/app|code|build)/")
_SOURCES = re.compile(r".*(?:/|\A)(?=(?:src|dist)/)", re.DOTALL)
# Folders at the top of projects without `src`.
_FOLDERS = re.compile(r".*?/(?=(?:trigger|app|lib)/)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class StackFrame:
    """One line of a stack trace.

    * `function`: None for an unnamed function.
    * `file`: the path or URL in the stack trace, None if it has none (`<anonymous>`).
    * `line`, `column`: count from 1.
    * `package`: the name of the package of a dependency.
    * `text`: the whole line without its indentation.
    """

    function: Raw | None
    file: Raw | None
    line: int | None
    column: int | None
    kind: FrameKind
    package: Raw | None
    is_async: bool
    text: Raw

    @property
    def short_file(self) -> Raw | None:
        """The file relative to the project or to `node_modules`, if its root is known; otherwise the path."""
        if self.file is None or self.kind is FrameKind.NODE:
            return self.file
        if (package := _PACKAGE.match(self.file)) is not None:
            return Raw(self.file[package.start(1) :])
        return Raw(project_path(self.file, has_packages=True) or self.file)


def project_path(file: str, *, has_packages: bool = False) -> str:
    """Return a file without the folder of the project or of its build, whose hashes change with every deploy.

    `has_packages`: with the folders of a package below a known root, as in `packages/jobs/src/a.ts`.
    """
    path = _SCHEME.sub("", file, count=1).replace("\\", "/").partition("?")[0]
    root = _ROOT.match(path)
    path = path if root is None else path[root.end() :]
    match = None if root and has_packages else _SOURCES.match(path) or _FOLDERS.match(path)
    return path if match is None else path[match.end() :]


def parse_stack(stack: Raw, message: Raw | None = None) -> tuple[StackFrame, ...]:
    """Return the frames of a stack trace, innermost first; () if the text has none, as in the stderr of a process.

    A stack trace begins with the error's message, which may itself contain lines that look like frames. If `message` is
    given and the stack begins with it, only what follows is returned. Otherwise only the last block of frames with the
    same indentation is returned. Lines between the frames that are none, such as `Originating from:`, are notes.
    """
    return tuple(_parse_frame(line.strip()) for line in _lines(stack, message))


def first_own_frame(stack: Raw, message: Raw | None = None) -> StackFrame | None:
    """Return the innermost frame of the project's own code. It is that of `parse_stack`, without parsing the others."""
    below = _below_message(stack, message)
    for line in _lines(stack, None) if below is None else below.split("\n"):
        if "node:" in line or ("node_modules" in line and _NODE_MODULES.search(line) is not None):
            continue
        frame = _parse_frame(line.strip())
        if frame.kind is FrameKind.OWN:
            return frame
        if frame.kind is FrameKind.NOTE and _CAUSE.match(line):
            return None
    return None


def _lines(stack: Raw, message: Raw | None) -> list[str]:
    """Return the lines of the frames and of the notes between them."""
    below = _below_message(stack, message)
    lines = [line.rstrip("\r") for line in (stack if below is None else below).split("\n")]
    return _first_block(lines[::-1])[::-1] if below is None else _without_end(lines)


def _below_message(stack: Raw, message: Raw | None) -> str | None:
    """Return what follows the line on which the error's message ends; None if the stack does not begin with it."""
    if not message:
        return None
    start = stack.find(message)
    if start >= 0 and "\n" not in stack[:start]:
        return stack[start + len(message) :].partition("\n")[2]
    # Older servers strip the indentation of the stack, but not of the message.
    lines = stack.split("\n")
    expected = [line.strip() for line in message.split("\n")]
    found = [line.strip() for line in lines[: len(expected)]]
    is_begin = found[0].endswith(expected[0]) and found[1:] == expected[1:]
    return "\n".join(lines[len(expected) :]) if is_begin else None


def _without_end(lines: list[str]) -> list[str]:
    """Return the lines up to the last frame, or to the note that frames were left out there. A cause ends them."""
    end = next((index for index, line in enumerate(lines) if _is_frame(line) is None and _CAUSE.match(line)), None)
    kept = [line for line in lines[:end] if line.strip()]
    while kept and _is_frame(kept[-1]) is None and not kept[-1].lstrip().startswith("..."):
        kept.pop()
    return kept


def _is_frame(line: str) -> re.Match[str] | None:
    match = _LINE.match(line)
    # Older servers strip the indentation. Then only the position distinguishes a frame from a sentence.
    return match if match is not None and (match[1] or match[2].endswith(")") or _POSITION.match(match[2])) else None


def _first_block(lines: Iterable[str]) -> list[str]:
    """Return the first frame lines with the same indentation. `... 12 more` and single notes do not end them."""
    block: list[str] = []
    indentation = None
    note: str | None = None
    for line in lines:
        match = _is_frame(line)
        if match is not None:
            if indentation not in {None, match[1]}:
                break
            indentation = match[1]
            block += [line] if note is None else [note, line]
            note = None
        elif block and line.lstrip().startswith("..."):
            block.append(line)
        elif block and (note is not None or _NOTE.match(line) is None):
            break
        elif block:
            note = line
    return block


def _parse_frame(text: str) -> StackFrame:
    if not text.startswith("at "):
        return StackFrame(None, None, None, None, FrameKind.NOTE, None, False, Raw(text))
    rest = text.removeprefix("at ")
    is_async = rest.startswith("async ")
    function, location = _split_location(rest.removeprefix("async "))
    file, line, column = _parse_location(location)
    match = _PACKAGE.match(file) if file is not None else None
    package = None if match is None else Raw(match[1].replace("\\", "/"))
    if file is None or file.startswith(_RUNTIME):
        kind = FrameKind.NODE
    elif _NODE_MODULES.search(file):
        kind = FrameKind.DEPENDENCY
    else:
        kind = FrameKind.OWN
    return StackFrame(_function_name(function), raw_or_none(file), line, column, kind, package, is_async, Raw(text))


def _split_location(rest: str) -> tuple[str, str]:
    """Split `function (location)` or `location`. Both may contain parentheses; a truncated line lacks the last one."""
    if rest.endswith(")"):
        opening = _OPENING.search(rest)
        return ("", rest) if opening is None else (rest[: opening.start()], rest[opening.end() : -1])
    if _POSITION.match(rest) is not None:
        return "", rest
    function, bracket, location = rest.partition(" (")
    return (function, location) if bracket or not re.search(r"[:\\/<]", rest) else ("", rest)


def _parse_location(location: str) -> tuple[str | None, int | None, int | None]:
    if location.startswith("eval at "):
        # In 'eval at f (eval at g (file:1:2)), <anonymous>:1:1' only the innermost location is in a file.
        origin = location.rpartition("eval at ")[2].partition(" (")[2]
        end = _END_OF_POSITION.search(origin)
        location = origin[: end.end()] if end is not None else origin
    match = _POSITION.match(location)
    file = location if match is None else match[1]
    if file in _NOWHERE or location.startswith("index "):
        return None, None, None
    if match is None:
        return file, None, None
    return file, int(match[2]), None if match[3] is None else int(match[3])


def _function_name(function: str) -> Raw | None:
    """Return the function without V8's ` [as alias]`; the alias replaces a name such as `<anonymous>`."""
    name, bracket, alias = function.removesuffix("]").rpartition(" [as ")
    if bracket and function.endswith("]"):
        nameless = next((word for word in _NAMELESS if name.endswith(word)), None)
        function = name if nameless is None else name.removesuffix(nameless) + alias
    return None if function in {"", "<anonymous>"} else Raw(function)
