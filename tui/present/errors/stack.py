"""A stack as `show` prints it: own frames in two columns, all other frames counted by package in one line."""

from collections import Counter
from collections.abc import Iterable, Sequence

from tui.domain.errors.stack import FrameKind, StackFrame
from tui.domain.text import Raw
from tui.present import formatting
from tui.present.styled import Line, Piece, Token, fit, fold, joined, line_width, wrap

_PACKAGES_NAMED = 3


def stack_lines(frames: Sequence[StackFrame], limit: int) -> list[Line]:
    """Return the lines of a stack within `limit` cells. A stack without own frames is shown whole."""
    own = [frame for frame in frames if frame.kind is FrameKind.OWN]
    others = [frame for frame in frames if frame.kind is not FrameKind.OWN]
    if not own:
        return frame_lines(others, limit)
    return frame_lines(own, limit) + (_folded(others, limit) if others else [])


def frame_lines(frames: Iterable[StackFrame], limit: int) -> list[Line]:
    """Return each frame as `function file:line:column`. A place that does not fit beside its function stands below
    it.
    """
    named = [(frame, _function(frame), _place(frame)) for frame in frames]
    widths = (line_width(function) for frame, function, _ in named if frame.kind is not FrameKind.NOTE)
    column = min(max(widths, default=0), limit // 2 - 2)
    lines: list[Line] = []
    for frame, function, place in named:
        if frame.kind is FrameKind.NOTE:
            lines += fold(function, limit)
            continue
        line = joined((fit(function, column), place))
        if line_width(line) <= limit:
            lines.append(line)
        else:
            lines += fold(function, limit)
            lines += [(Piece("  "), *row) for row in fold(place, limit - 2)]
    return lines


def _function(frame: StackFrame) -> Line:
    token = Token.BRIGHT if frame.kind is FrameKind.OWN else Token.MUTED
    if frame.function is None:
        return (Piece("(anonymous)" if frame.short_file else frame.text.strip(), Token.MUTED),)
    return (Piece("async " if frame.is_async else "", Token.FAINT), Piece(frame.function, token))


def _place(frame: StackFrame) -> Line:
    token = Token.TEXT if frame.kind is FrameKind.OWN else Token.MUTED
    line = "" if frame.line is None else f":{frame.line}"
    column = "" if frame.column is None else f":{frame.column}"
    return (Piece(Raw((frame.short_file or "") + line), token), Piece(column, Token.FAINT))


def counted(frames: Iterable[StackFrame], *, is_naming: bool = True) -> str:
    """Return the number of frames by package: `9 frames node_modules 8 (zod, undici) · node:internal 1`."""
    frames = tuple(frame for frame in frames if frame.kind is not FrameKind.NOTE)
    packages = Counter(frame.package for frame in frames if frame.kind is FrameKind.DEPENDENCY)
    nodes = sum(frame.kind is FrameKind.NODE for frame in frames)
    named = [name for name, _ in packages.most_common() if name]
    shown = ", ".join(named[:_PACKAGES_NAMED])
    more = f" and {len(named) - _PACKAGES_NAMED} more" if len(named) > _PACKAGES_NAMED else ""
    yours = sum(frame.kind is FrameKind.OWN for frame in frames)
    parts = [f"yours {yours}"] if yours else []
    if packages:
        parts.append(f"node_modules {packages.total()}" + (f" ({shown}{more})" if named and is_naming else ""))
    if nodes:
        parts.append(f"node:internal {nodes}")
    return f"{formatting.plural(len(frames), 'frame')}  {' · '.join(parts)}"


def _folded(frames: Sequence[StackFrame], limit: int) -> list[Line]:
    return [(Piece(row, Token.FAINT),) for row in wrap(f"⋯ {counted(frames)}", limit)]
