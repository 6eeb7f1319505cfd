"""An error on a page and in print: name, message, code, the user's own frames, and the chain of causes."""

import re
from collections import Counter
from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import lru_cache
from itertools import islice
from typing import Final, NamedTuple

from rich.cells import cell_len

from tui.domain.error import FrameKind, RunError, StackFrame, parse_stack
from tui.domain.error_kinds import ErrorKind
from tui.domain.text import Raw, clean
from tui.lazy_dataclass import dataclass
from tui.store.findings.board import FailingGroup
from tui.text import formatting
from tui.text.blocks import WHOLE, Row, ToggleFold
from tui.text.styled import (
    ELLIPSIS,
    Line,
    Piece,
    Token,
    cut,
    first_line,
    fit,
    fold,
    joined,
    line_width,
    pad,
    plain,
    wrap,
)

# An error on one line.


_CODE: Final = re.compile(r"[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+")
"""Trigger.dev's own code for a crash, a timeout and the like, which stands in place of a type."""


_MESSAGE_FIRST_BELOW: Final = 50
"""In fewer cells than this, a type would leave too little of the message."""


def error_line(
    kind: ErrorKind | FailingGroup,
    type_token: Token = Token.ROSE,
    message_token: Token = Token.TEXT,
    width: int = _MESSAGE_FIRST_BELOW,
) -> Line:
    """Return the type and the first line of the normalised message. A code is not a type.

    In a narrow row the message is first, and the type follows if both fit.
    """
    message = first_line(kind.message)
    head: Line = () if kind.type is None or _CODE.fullmatch(kind.type) else (Piece(kind.type, type_token),)
    if not message:
        return head or (Piece(kind.type or "no message", Token.MUTED),)
    said = (Piece(message, message_token),)
    if not head:
        return said
    if width >= _MESSAGE_FIRST_BELOW:
        return (*head, Piece(" "), *said)
    line = (*said, Piece("  "), *head)
    return line if line_width(line) <= width else said


# The space that an error has on a page.


@dataclass(frozen=True, slots=True)
class ErrorLayout:
    """The space for an error: `limit` cells, whether long text wraps, and which folds the user toggled.

    `opens_all` unfolds everything, for a search. `is_printed`: commands print it, without folds and empty lines.
    """

    limit: int
    is_wrapped: bool = True
    toggled: frozenset[Hashable] = frozenset()
    opens_all: bool = False
    is_printed: bool = False

    def is_open(self, key: Hashable, *, begins_open: bool = False) -> bool:
        """Return whether the content of a fold is visible."""
        return self.opens_all or ((key in self.toggled) is not begins_open)


# The rows of a stack: the user's own frames are bright, all other frames share one row.
#
# `domain.error` parses the frames.


MAX_OWN_FRAMES: Final = 20
"""The own frames that are shown of a folded stack. A recursion throws hundreds of equal frames."""

MAX_FRAMES: Final = 2_000
_PACKAGES_NAMED: Final = 4
_GAP: Final = 2
_MAX_FOREIGN_FUNCTION: Final = 24
"""The width that functions of other packages may claim, so that the user's own files stay near."""


def counted(frames: Iterable[StackFrame]) -> str:
    """Return the number of frames by package: `9 frames  zod 6 · undici 2 · node 1`."""
    names = [
        "yours" if frame.kind is FrameKind.OWN else frame.package or frame.kind
        for frame in frames
        if frame.kind is not FrameKind.NOTE
    ]
    packages = sorted(Counter(names).most_common(), key=lambda each: each[0] != "yours")
    shown = " · ".join(f"{name} {count:,}" for name, count in packages[:_PACKAGES_NAMED])
    more = f" and {len(packages) - _PACKAGES_NAMED:,} more" if len(packages) > _PACKAGES_NAMED else ""
    return f"{formatting.plural(len(names), 'frame')}  {shown}{more}"


def function_column(stacks: Iterable[Sequence[StackFrame]], limit: int) -> int:
    """Return the width of the functions of all stacks on one page, so that their files line up."""
    widths = (
        min(
            line_width(function_words(frame, Token.TEXT)),
            limit if frame.kind is FrameKind.OWN else _MAX_FOREIGN_FUNCTION,
        )
        for frames in stacks
        for frame in islice(frames, MAX_FRAMES)
        if frame.kind is not FrameKind.NOTE
    )
    return min(max(widths, default=0), max(limit // 2 - _GAP, 1))


def shown_frames(
    frames: Sequence[StackFrame], layout: ErrorLayout, key: Hashable, *, begins_open: bool
) -> list[StackFrame]:
    """Return the frames with a row of their own: all of them in an open fold, else the first own ones."""
    if layout.is_open(key, begins_open=begins_open):
        return list(frames[:MAX_FRAMES])
    most = MAX_FRAMES if layout.is_printed else MAX_OWN_FRAMES
    return [frame for frame in frames if frame.kind is FrameKind.OWN][:most]


def frame_rows(
    frames: Sequence[StackFrame],
    layout: ErrorLayout,
    key: Hashable,
    *,
    column: int,
    first_own: StackFrame | None,
    begins_open: bool = False,
) -> Iterator[Row]:
    """Yield the rows of a stack, its functions in `column` cells. `key` names its fold; `first_own` is highlighted."""
    shown = shown_frames(frames, layout, key, begins_open=begins_open)
    for index, frame in enumerate(shown):
        for part, line in enumerate(drawn_frame(frame, layout, column, is_first=frame is first_own)):
            yield Row(line, (key, index, part))
    is_open, places = layout.is_open(key, begins_open=begins_open), {id(frame) for frame in shown}
    folded = [each for each in frames if (each.kind is not FrameKind.OWN if is_open else id(each) not in places)]
    if folded and not (is_open and layout.is_printed):
        none = "" if any(frame.kind is FrameKind.OWN for frame in frames) else ", none of your code"
        beyond = f", {len(frames) - MAX_FRAMES} more" if is_open and len(frames) > MAX_FRAMES else ""
        line = (Piece(f"{'▾' if is_open else '⋯'} {counted(folded)}{none}{beyond}", Token.FAINT),)
        yield Row(cut(line, layout.limit), key, ToggleFold(key))


def drawn_frame(frame: StackFrame, layout: ErrorLayout, column: int, *, is_first: bool) -> list[Line]:
    """Return the rows of a frame, with its function in `column` cells. Without wrapping it is one row."""
    if frame.kind is FrameKind.NOTE:
        note = (Piece(frame.text, Token.FAINT),)
        return fold(note, layout.limit) if layout.is_printed else [cut(note, layout.limit)]
    is_own = frame.kind is FrameKind.OWN
    function = function_words(frame, Token.BRIGHT if is_own else Token.MUTED, is_bold=is_first)
    path, position = frame_place(frame)
    token = Token.BRIGHT if is_first else Token.TEXT if is_own else Token.FAINT
    place: Line = (Piece(path, token, is_bold=is_first), Piece(position, Token.FAINT))
    left = layout.limit - column - _GAP
    if not (layout.is_wrapped and (is_own or layout.is_printed)):
        place = (Piece(path_tail(path, left - cell_len(position)), token, is_bold=is_first), place[1])
    elif line_width(function) > column or line_width(place) > left:
        rows = wrap(f"{path}{position}".replace("/", "/ "), layout.limit - 2)  # a path breaks after a slash
        return [
            *fold(function, layout.limit),
            *((Piece(f"  {row.replace('/ ', '/')}", token, is_bold=is_first),) for row in rows),
        ]
    return [cut(joined((fit(function, column), place)), layout.limit)]


def function_words(frame: StackFrame, token: Token, *, is_bold: bool = False) -> Line:
    """Return the function of a frame; a frame that could not be read is its own text."""
    if frame.function is None:
        return (Piece("(anonymous)" if frame.short_file else frame.text, Token.MUTED, is_bold=is_bold),)
    return (Piece("async " if frame.is_async else "", Token.FAINT), Piece(frame.function, token, is_bold=is_bold))


def frame_place(frame: StackFrame) -> tuple[Raw, str]:
    """Return the file with the line, and the column."""
    line = "" if frame.line is None else f":{frame.line}"
    return Raw((frame.short_file or "") + line), "" if frame.column is None else f":{frame.column}"


def path_tail(path: Raw, limit: int) -> str:
    """Return the end of a path, which matters more than its start: `…/payments/client.ts:88`."""
    text = clean(path)
    if cell_len(text) <= limit:
        return text
    start = max(0, len(text) - limit)
    while start < len(text) and (cell_len(text[start:]) >= limit or cell_len(text[start]) == 0):
        start += 1
    folder = max(text.find("/", start), start)  # a name that is cut could be read as another one
    return ELLIPSIS + text[folder:]


# Compares errors.


_DIGITS: Final = re.compile(r"\d+")


def sameness(error: RunError, other: RunError) -> str | None:
    """Return `the same` or `the same, except for numbers`; None if the errors differ."""
    if error == other:
        return "the same"
    return "the same, except for numbers" if _without_numbers(error) == _without_numbers(other) else None


def _without_numbers(error: RunError) -> tuple[object, ...]:
    """Return the parts to compare: the message without its numbers, and the lines of the frames."""
    frames = tuple(frame.text for frame in parse_stack(error.stack, error.message)) if error.stack else ()
    return (error.name, _DIGITS.sub("0", error.message), error.code, frames, tuple(map(_without_numbers, error.causes)))


def frameless_stack(error: RunError) -> Raw:
    """Return a stack without parseable frames (e.g. stderr) if it says more than the message; else an empty text."""
    stack = error.stack or Raw("")
    is_echo = stack.strip() in {error.message.strip(), f"{error.name}: {error.message}".strip(), error.name}
    return Raw("") if is_echo else stack


# The rows of an error: name, message, code, stack, and the chain of causes. Long parts fold.


MAX_FOLDED_ROWS: Final = 40
MAX_ROWS: Final = 2_000
MAX_CAUSES: Final = 20
"""A chain of causes that refers to itself would have no end."""

_ROOMY: Final = 76
_INDENT: Final = 2


class _ChainError(NamedTuple):
    """One error of the chain with its frames, and the key of its rows. `begins_open`: its stack starts unfolded."""

    error: RunError
    frames: tuple[StackFrame, ...]
    key: Hashable
    lead: str
    begins_open: bool


def error_lines(error: RunError, limit: int) -> list[Line]:
    """Return an error as commands print it, within `limit` cells."""
    return [row.line for row in error_rows(error, ErrorLayout(limit, is_printed=True), "error")]


@lru_cache(maxsize=4)
def error_rows(error: RunError, layout: ErrorLayout, key: Hashable, note: str = "") -> tuple[Row, ...]:
    """Return the rows of an error. `key` is the first part of their keys; `note` stands below the message.

    The result is cached: the page is rebuilt every second, and a message may have a million characters.
    """
    links = _chain(error, key, is_printed=layout.is_printed)
    indent = _INDENT if layout.is_printed or layout.limit >= _ROOMY else 0
    inner = replace(layout, limit=layout.limit - indent)
    shown = (shown_frames(link.frames, inner, (link.key, "stack"), begins_open=link.begins_open) for link in links)
    column = function_column(shown, inner.limit)
    first_own = next((frame for link in links for frame in link.frames if frame.kind is FrameKind.OWN), None)
    rows: list[Row] = []
    for link in links:
        if rows and not layout.is_printed:
            rows.append(Row((), (link.key, "gap")))
        rows += _message_rows(link, layout, "" if link.lead else note)
        stack = _stack_rows(link, inner, column, first_own)
        if stack and not link.lead and not layout.is_printed:
            rows.append(Row((), (link.key, "above the stack")))
        rows += [row._replace(line=(Piece(" " * indent), *row.line)) for row in stack] if indent else stack
    return tuple(rows)


def _chain(error: RunError, key: Hashable, *, is_printed: bool) -> list[_ChainError]:
    """Return the error and its causes, depth first. A stack without own frames is open: on a page, that of the error
    itself.
    """
    links: list[_ChainError] = []
    pending = [error]
    while pending and len(links) <= MAX_CAUSES:
        each, lead = pending.pop(), "caused by " if links else ""
        frames = parse_stack(each.stack, each.message) if each.stack else ()
        is_open = (is_printed or not lead) and not any(frame.kind is FrameKind.OWN for frame in frames)
        links.append(_ChainError(each, frames, (key, len(links)), lead, is_open))
        pending += reversed(each.causes)
    return links


def _message_rows(link: _ChainError, layout: ErrorLayout, note: str) -> list[Row]:
    """Return `caused by TypeError [ECONNRESET] fetch failed`, as Node prints it, and the note below."""
    error, limit = link.error, layout.limit
    head: Line = (Piece(link.lead, Token.FAINT),) if link.lead else ()
    if error.name:
        head += (Piece(error.name, Token.ROSE, is_bold=True), Piece(" "))
    if error.code is not None and error.code not in error.message:
        head += (Piece(f"[{error.code}]", Token.MUTED), Piece(" "))
    indent = line_width(head)
    above: list[Line] = []
    if indent > limit // 2:
        above, head, indent = fold(head[:-1], limit), (), _INDENT
    head = pad(head, indent)
    # A later line of a printed message without a name could look like a label of the page.
    indent = indent or (_INDENT if layout.is_printed else 0)
    blank: Line = (Piece(" " * indent),) if indent else ()
    texts, more = _text_rows(error.message, layout, limit - indent, (link.key, "message"))
    lines: list[Line] = [(Piece(text, Token.BRIGHT),) for text in texts] or [(Piece("no message", Token.MUTED),)]
    below = [(*blank, Piece(row, Token.FAINT)) for row in wrap(note, limit - indent)] if note else []
    rows = [Row(line, (link.key, "name", index)) for index, line in enumerate(above)]
    rows += [Row((*(blank if index else head), *line), (link.key, "text", index)) for index, line in enumerate(lines)]
    rows += [row._replace(line=(*blank, *row.line)) for row in more]
    return rows + [Row(line, (link.key, "below", index)) for index, line in enumerate(below)]


def _text_rows(text: Raw, layout: ErrorLayout, limit: int, key: Hashable) -> tuple[list[str], list[Row]]:
    """Return the first rows of a text, and a row that folds or counts the others, if there are any."""
    if not text.strip():
        return [], []
    is_open = layout.is_open(key)
    max_rows = MAX_ROWS if is_open else MAX_FOLDED_ROWS
    # Wrapping megabytes would take seconds. Only as many characters are wrapped as can fill the rows.
    max_characters = 2 * max_rows * max(limit, 2)
    text = Raw(text.rstrip())
    rows: list[str] = []
    shown_count = 0
    for line in text[:max_characters].replace("\r\n", "\n").split("\n"):
        if len(rows) > max_rows:
            break
        shown_count += len(rows) < max_rows
        rows += wrap(line, limit) if layout.is_wrapped else [plain(cut((Piece(line),), limit))]
    if len(rows) <= max_rows and len(text) <= max_characters:
        is_unfolded = key in layout.toggled and len(rows) > MAX_FOLDED_ROWS
        return rows, [_fold_row(f"▾ {formatting.plural(len(rows), 'line')}", "", key, limit)] if is_unfolded else []
    left_out = text.count("\n") + 1 - shown_count
    reason = f"… {formatting.plural(left_out, 'more line')}" if left_out else f"… {formatting.size(len(text))} in all"
    is_all = len(text) <= 2 * MAX_ROWS * max(limit, 2)
    hint = (
        "" if is_open else f"; {WHOLE}" if layout.is_printed else f"  Enter shows {'all of it' if is_all else 'more'}"
    )
    return rows[:max_rows], [_fold_row(reason, hint, key, limit)]


def _fold_row(text: str, hint: str, key: Hashable, limit: int) -> Row:
    return Row(cut((Piece(text, Token.MUTED), Piece(hint, Token.FAINT)), limit), key, ToggleFold(key))


def _stack_rows(link: _ChainError, layout: ErrorLayout, column: int, first_own: StackFrame | None) -> Sequence[Row]:
    key = (link.key, "stack")
    if link.frames:
        frames = frame_rows(link.frames, layout, key, column=column, first_own=first_own, begins_open=link.begins_open)
        return list(frames)
    texts, more = _text_rows(frameless_stack(link.error), layout, layout.limit, key)
    return [Row((Piece(row, Token.MUTED),), (key, index)) for index, row in enumerate(texts)] + more
