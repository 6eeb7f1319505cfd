"""Finds stacks, chains of causes and aggregate errors in a logged text, as Node's `console.error(error)` prints them.

What is not recognised stays text, line by line, as it came.
Source: tests/wire/recordings/README.md §5; the documentation of Node's `util.inspect`, for forms that no recording has.
"""

import re
from functools import lru_cache
from typing import Final, Literal

from tui.domain.errors.stack import StackFrame, parse_stack
from tui.domain.text import Raw
from tui.lazy_dataclass import dataclass

MAX_LINES: Final = 500
"""The lines of a text that are parsed, which takes some 5 ms at most. The others stay one block of text."""

CACHED_TEXTS: Final = 4
"""Texts whose parts are remembered: those on a screen, of a log that grows every few seconds."""

MAX_DEPTH: Final = 20
"""Errors within errors. Deeper ones stay text."""

MAX_ERRORS: Final = 100
"""The errors of one aggregate error that are told apart."""

MAX_SEARCHED_CHARS: Final = 200_000
"""The part of a text in which a stack is looked for."""

MAX_FRAME_CHARS: Final = 4_000
"""The characters of a line that may be a frame."""

MAX_MESSAGE_LINES: Final = 50
"""The lines of a cause's message in front of its stack."""

_FRAME: Final = re.compile(r"[ \t]+at \S")
_PLACED: Final = re.compile(r"[ \t]+at \S.*(?:\)|:\d+)[ ,{]{0,3}$")
_STACK: Final = re.compile(r"\n[ \t]{1,200}at \S")
_OMITTED: Final = re.compile(r"[ \t]+\.\.\. ")
_CAUSE: Final = re.compile(r"([ \t]*)(?:\[cause\]|cause): (?=\S)")
_ERRORS: Final = re.compile(r"([ \t]*)\[errors\]: \[$")
_CLOSING: Final = re.compile(r"[ \t]*[\]})],?[ \t]*$")


@dataclass(frozen=True, slots=True)
class TextLines:
    """Consecutive lines without a meaning of their own."""

    lines: tuple[Raw, ...]


@dataclass(frozen=True, slots=True)
class Frames:
    """The frames of one stack. `text` are their lines as they came."""

    frames: tuple[StackFrame, ...]
    text: Raw


@dataclass(frozen=True, slots=True)
class Unparsed:
    """What follows the first `MAX_LINES` lines, as it came."""

    text: Raw


@dataclass(frozen=True, slots=True)
class InnerError:
    """An error within an error.

    * `kind`: a cause, or one of the errors of an aggregate error
    * `number`, `count`: which one of them, from 1 on
    * `head`: its first line, with name and message
    """

    kind: Literal["cause", "error"]
    number: int
    count: int
    head: Raw
    parts: "tuple[LoggedPart, ...]"


LoggedPart = TextLines | Frames | InnerError | Unparsed


@lru_cache(CACHED_TEXTS)
def parse_logged_text(text: Raw) -> tuple[LoggedPart, ...]:
    """Return the parts of a text in order. A short text without any stack is one `TextLines`."""
    lines = [line.rstrip("\r") for line in text.split("\n", MAX_LINES)]
    rest = [Unparsed(Raw(line)) for line in lines[MAX_LINES:] if line]
    return (*_Parser(lines[:MAX_LINES]).parts(0, len(lines[:MAX_LINES]), 0), *rest)


def has_stack(text: str) -> bool:
    """Return whether a text seems to have a stack, without parsing it."""
    return _STACK.search(text, 0, MAX_SEARCHED_CHARS) is not None


class _Parser:
    def __init__(self, lines: list[str]) -> None:
        self._lines = lines

    def parts(self, at: int, end: int, depth: int) -> tuple[LoggedPart, ...]:
        found: list[LoggedPart] = []
        plain: list[Raw] = []

        def close() -> None:
            if plain:
                found.append(TextLines(tuple(plain)))
                plain.clear()

        while at < end:
            line = self._lines[at]
            if self._may_be_frame(line):
                after = self._frames_end(at, end)
                if (frames := self._frames(at, after)) is not None:
                    close()
                    found.append(frames)
                else:  # then none of these lines begins a stack
                    plain += map(Raw, self._lines[at:after])
                at = after
            elif depth < MAX_DEPTH and (match := _CAUSE.match(line)) and (after := self._cause_end(at, end)):
                close()
                found.append(self._inner("cause", 1, 1, (at, after), match.end(), depth))
                at = after
            elif depth < MAX_DEPTH and _ERRORS.match(line) and (errors := self._errors(at, end, depth)):
                close()
                found += errors[0]
                at = errors[1]
            else:
                plain.append(Raw(line))
                at += 1
        close()
        return tuple(found)

    @staticmethod
    def _may_be_frame(line: str) -> bool:
        return len(line) <= MAX_FRAME_CHARS and _FRAME.match(line) is not None

    def _frames_end(self, at: int, end: int) -> int:
        """Return the line after a block of frames. `... 3 lines matching cause stack trace ...` belongs to it."""
        indent = _indent(self._lines[at])
        while at < end:
            line = self._lines[at]
            if _indent(line) != indent or not (self._may_be_frame(line) or _OMITTED.match(line)):
                break
            at += 1
        return at

    def _frames(self, at: int, end: int) -> Frames | None:
        """Return the frames of a block; None if none of them has a place, as in `at noon`."""
        lines = self._lines[at:end]
        bare = [_without_bracket(line) for line in lines]
        frames = parse_stack(Raw("\n".join(bare)))
        if not any(frame.file is not None or frame.text.endswith(")") for frame in frames):
            return None
        return Frames(frames, Raw("\n".join(lines)))

    def _cause_end(self, at: int, end: int) -> int:
        """Return the line after a cause, 0 if the line at `at` is another property with that name.

        It ends before the next line that is not indented deeper, but for further lines of its message, and includes
        the bracket that closes it.
        """
        line, indent = self._lines[at], _indent(self._lines[at])
        stack_at = next(
            (index for index in range(at + 1, min(at + MAX_MESSAGE_LINES, end)) if self._is_frame(index, indent)), None
        )
        if stack_at is None and not line.lstrip().startswith("["):
            return 0
        between = range(at + 1, stack_at or at + 1)
        if not any(self._is_property(index, indent) for index in between):
            at = between.stop - 1
        at += 1
        while at < end and (_indent(self._lines[at]) > indent or not self._lines[at].strip()):
            at += 1
        if at < end and _indent(self._lines[at]) == indent and _CLOSING.match(self._lines[at]):
            at += 1
        return at

    def _is_frame(self, index: int, indent: int) -> bool:
        line = self._lines[index]
        return len(line) <= MAX_FRAME_CHARS and _indent(line) > indent and _PLACED.match(line) is not None

    def _is_property(self, index: int, indent: int) -> bool:
        """Return whether a line belongs to the error around a cause: a bracket, or `name: value`."""
        line = self._lines[index]
        return _indent(line) <= indent and re.match(r"[ \t]*(?:[\]})]|[\w$\[\]']+: )", line) is not None

    def _list_end(self, at: int, end: int, indent: int) -> int:
        at += 1
        while at < end and not (_indent(self._lines[at]) <= indent and self._lines[at].strip()):
            at += 1
        return at + 1 if at < end and _CLOSING.match(self._lines[at]) else at

    def _errors(self, at: int, end: int, depth: int) -> tuple[list[LoggedPart], int] | None:
        """Return the errors of the list at a line, and the line after it; None if there are none.

        Each begins two cells further in than the list.
        """
        indent = _indent(self._lines[at])
        if at + 1 == end or _indent(self._lines[at + 1]) != indent + 2:
            return None
        after = self._list_end(at, end, indent)
        starts = [
            index
            for index in range(at + 1, after)
            if _indent(self._lines[index]) == indent + 2 and not _CLOSING.match(self._lines[index])
        ][:MAX_ERRORS]
        if not starts or starts[0] != at + 1:
            return None
        last = after - 1 if _CLOSING.match(self._lines[after - 1]) else after
        spans = zip(starts, [*starts[1:], last], strict=True)
        inner: list[LoggedPart] = [
            self._inner("error", number, len(starts), span, indent + 2, depth) for number, span in enumerate(spans, 1)
        ]
        return inner, after

    def _inner(
        self,
        kind: Literal["cause", "error"],
        number: int,
        count: int,
        span: tuple[int, int],
        head_at: int,
        depth: int,
    ) -> InnerError:
        at, end = span
        head = _without_bracket(self._lines[at][head_at:])
        if end > at + 1 and _CLOSING.match(self._lines[end - 1]) and _indent(self._lines[end - 1]) < head_at + 2:
            end -= 1
        return InnerError(kind, number, count, Raw(head), self.parts(at + 1, end, depth + 1))


def _without_bracket(line: str) -> str:
    """Return a line without the bracket or the comma that Node writes behind the last frame."""
    bare = line.rstrip(" \t")
    return bare[:-1].rstrip(" \t") if bare.endswith(("{", ",")) else line


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip(" \t"))
