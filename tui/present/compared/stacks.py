"""The stacks of several attempts: own frames in columns, an equal stack as words, the frames that only some have."""

from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

from rich.cells import cell_len

from tui.domain.attempt import Attempt
from tui.domain.errors.error import RunError
from tui.domain.errors.stack import FrameKind, StackFrame, parse_stack
from tui.domain.text import Raw, clean
from tui.lazy_dataclass import dataclass
from tui.present.compared.grid import Marked
from tui.present.compared.values import UNKNOWN, most_common
from tui.present.errors.frames import path_tail
from tui.present.formatting import plural
from tui.present.styled import Line, Piece, Token, cut, fit, line_width

MAX_STACK_CHARS: Final = 50_000
"""The part of a stack behind its message that is parsed. A recursion throws megabytes of equal frames."""

MAX_PACKAGES: Final = 3

MAX_FRAMES: Final = 12
"""The own frames of one column."""

_GAP: Final = 2
_MIN_PLACE: Final = 12

FramePlace = tuple[Raw | None, Raw | None, int | None]
"""Function, file and line of a frame: what is compared. The column of a line is not."""


@dataclass(frozen=True, slots=True)
class Stack:
    """The frames of one error, innermost first. Equal stacks have equal `places`."""

    own: tuple[StackFrame, ...] = ()
    others: tuple[StackFrame, ...] = ()

    @property
    def places(self) -> tuple[FramePlace, ...]:
        """The own frames as they are compared; of a stack without any, all frames."""
        return tuple(map(place_of, self.own or self.others))

    @property
    def first_own(self) -> StackFrame | None:
        """The innermost own frame, None if there is none."""
        return self.own[0] if self.own else None


def place_of(frame: StackFrame) -> FramePlace:
    """Return what makes two frames equal. An unparsed frame is its own text."""
    return frame.function or (None if frame.short_file else frame.text), frame.short_file, frame.line


@lru_cache(maxsize=256)
def stack_of(error: RunError | None) -> Stack | None:
    """Return the stack of an error, None if it has no frames."""
    if error is None or not error.stack:
        return None
    # The stack begins with type and message.
    limit = len(error.name or "") + len(error.message) + MAX_STACK_CHARS
    frames = parse_stack(Raw(error.stack[:limit]), error.message)
    if not frames:
        return None
    own = tuple(frame for frame in frames if frame.kind is FrameKind.OWN)
    return Stack(own, tuple(frame for frame in frames if frame.kind is not FrameKind.OWN))


def usual_places(stacks: Sequence[Stack | None]) -> frozenset[FramePlace]:
    """Return the frames of the stack that most attempts have."""
    usual = most_common([UNKNOWN if stack is None else stack.places for stack in stacks])
    return frozenset(usual) if isinstance(usual, tuple) else frozenset()


def way_in(stacks: Sequence[Stack]) -> list[StackFrame]:
    """Return the outermost own frames that all stacks share, outermost first."""
    shared: list[StackFrame] = []
    for frames in zip(*(reversed(stack.own) for stack in stacks), strict=False):
        if len({place_of(frame) for frame in frames}) > 1:
            break
        shared.append(frames[0])
    return shared


def equal_before(attempts: Sequence[Attempt], stacks: Sequence[Stack | None], index: int) -> int | None:
    """Return the number of the first attempt before this one with an equal stack, or None."""
    stack = stacks[index]
    for attempt, earlier in zip(attempts[:index], stacks[:index], strict=True):
        if stack is not None and earlier is not None and earlier.places == stack.places:
            return attempt.number
    return None


def frame_lines(stack: Stack, width: int, usual: frozenset[FramePlace]) -> list[Marked]:
    """Return one line for each frame, at most `width` cells wide. Those that most stacks lack are marked."""
    shown = stack.own[:MAX_FRAMES]
    column = min(max((line_width(_function(frame)) for frame in shown), default=0), max(width - _GAP - _MIN_PLACE, 6))
    lines = [
        Marked(_frame(frame, column, width, is_first=index == 0), place_of(frame) not in usual)
        for index, frame in enumerate(shown)
    ]
    rest = (*stack.own[MAX_FRAMES:], *stack.others)
    if rest:
        yours = "" if stack.own else ", none of yours"
        text = f"⋯ {plural(len(rest), 'frame')}{yours}  {_owners(rest)}"
        lines.append(Marked(cut((Piece(text, Token.FAINT),), width)))
    return lines


def common_lines(stacks: Sequence[Stack], width: int) -> list[Marked]:
    """Return the lines of stacks that are equal in the places that are compared. Their other frames may differ."""
    first = stacks[0]
    if len({_owners(stack.others) for stack in stacks}) == 1:
        return frame_lines(first, width, frozenset(first.places))
    lines = frame_lines(Stack(first.own), width, frozenset(first.places))
    return [*lines, Marked(cut((Piece("⋯ the other frames differ", Token.FAINT),), width))]


def _owners(frames: Sequence[StackFrame]) -> str:
    """Return `undici 5 · core 1`: the frames by the last part of their package's name."""
    names = (
        "yours" if frame.kind is FrameKind.OWN else (frame.package or frame.kind).rpartition("/")[2] for frame in frames
    )
    return " · ".join(f"{name} {count}" for name, count in Counter(names).most_common(MAX_PACKAGES))


def _frame(frame: StackFrame, column: int, width: int, *, is_first: bool) -> Line:
    room = max(width - column - _GAP, 1)
    place = file_words(frame)
    if cell_len(clean(place)) > room:
        place = Raw(place.replace("\\", "/").rpartition("/")[2])
    token = Token.TEXT if is_first else Token.MUTED
    return cut(
        (*fit(_function(frame, is_first=is_first), column), Piece("  "), Piece(path_tail(place, room), token)), width
    )


def _function(frame: StackFrame, *, is_first: bool = False) -> Line:
    if frame.function is None:
        return (Piece("(anonymous)" if frame.short_file else frame.text, Token.MUTED, is_bold=is_first),)
    return (Piece(frame.function, Token.BRIGHT if is_first else Token.TEXT, is_bold=is_first),)


def file_words(frame: StackFrame) -> Raw:
    """Return `src/lib/shopify.ts:41`, empty where the frame has no file."""
    if frame.short_file is None:
        return Raw("")
    return Raw(frame.short_file + ("" if frame.line is None else f":{frame.line}"))
