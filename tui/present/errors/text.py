"""An error as `show` prints it: name, message, code, own frames, and the chain of causes."""

import re

from tui.domain.errors.error import RunError
from tui.domain.errors.stack import parse_stack
from tui.domain.text import Raw
from tui.present.errors.stack import stack_lines
from tui.present.styled import Line, Piece, Token, fold, joined, line_width, pad
from tui.present.text_block import indented, prose

_MESSAGE_ROWS = 40
_STACK_ROWS = 60
_NAMELESS_INDENT = 2
_DIGITS = re.compile(r"\d+")


def error_lines(error: RunError, limit: int, *, with_stack: bool = True, lead: str = "") -> list[Line]:
    """Return an error within `limit` cells. `lead` is a faint text before it, like `caused by `."""
    lines = _message_lines(error, limit, lead)
    if error.code is not None and error.code not in error.message:
        lines += fold((Piece("code  ", Token.FAINT), Piece(error.code, Token.MUTED)), limit)
    if with_stack and error.stack:
        lines += indented(_stack_lines(error, limit - 2), 2)
    if with_stack:
        for cause in error.causes:
            lines += error_lines(cause, limit, lead="caused by ")
    return lines


def sameness(error: RunError, other: RunError) -> str | None:
    """Return `the same` or `the same, but for the numbers`; None if the errors differ."""
    if error == other:
        return "the same"
    return "the same, but for the numbers" if _without_numbers(error) == _without_numbers(other) else None


def _without_numbers(error: RunError) -> tuple[object, ...]:
    """Return the parts to compare: the message without its numbers, and the lines of the frames."""
    frames = tuple(frame.text for frame in parse_stack(error.stack, error.message)) if error.stack else ()
    return (error.name, _masked(error.message), error.code, frames, tuple(map(_without_numbers, error.causes)))


def _masked(text: str) -> str:
    return _DIGITS.sub("0", text)


def _message_lines(error: RunError, limit: int, lead: str) -> list[Line]:
    name: Line = (Piece(error.name, Token.ROSE, is_bold=True),) if error.name else ()
    head: Line = (Piece(lead, Token.FAINT), *name) if lead else name
    if not error.message.strip():
        nothing: Line = (Piece("no message", Token.MUTED),)
        return fold(joined([head, nothing], " ") if head else nothing, limit)
    indent = line_width(head) + 1 if name else line_width(head)
    if indent > limit // 2:
        return fold(head, limit) + indented(prose(error.message, limit - 2, Token.BRIGHT, max_rows=_MESSAGE_ROWS), 2)
    # Without a name, later lines are indented all the same: a message could look like a label of the page.
    rest_indent = indent or _NAMELESS_INDENT
    first, *rest = prose(error.message, limit - rest_indent, Token.BRIGHT, max_rows=_MESSAGE_ROWS)
    return [(*pad(head, indent), *first), *indented(rest, rest_indent)]


def frameless_stack(error: RunError) -> Raw:
    """Return a stack without parseable frames (e.g. stderr) if it says more than the message; else an empty text."""
    stack = error.stack or Raw("")
    is_echo = stack.strip() in {error.message.strip(), f"{error.name}: {error.message}".strip(), error.name}
    return Raw("") if is_echo else stack


def _stack_lines(error: RunError, limit: int) -> list[Line]:
    frames = parse_stack(error.stack, error.message) if error.stack else ()
    if frames:
        return stack_lines(frames, limit)
    text = frameless_stack(error)
    return prose(text, limit, Token.MUTED, max_rows=_STACK_ROWS) if text else []
