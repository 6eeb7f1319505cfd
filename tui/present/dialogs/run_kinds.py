"""Counts the runs that an action affects by status, task and error: `33 ✗ failed  charge-card  Upstream …`."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from tui.domain.run import Run
from tui.domain.text import Raw
from tui.domain.tree import TreeNode
from tui.present import formatting
from tui.present.status import StatusStyle, style_of, style_of_status
from tui.present.styled import Line, Piece, Token, cut, first_line, fit, joined, line_width

_STATUS_CELLS: Final = 15


class RunKind(NamedTuple):
    """A status, a task, and the message of an error.

    Runs are counted by `group`, which messages of one error group share. `message` is its first line as it came, and
    `common` the message without ids and numbers.
    """

    style: StatusStyle
    task: str
    message: Raw = Raw("")
    group: Raw = Raw("")
    common: Raw = Raw("")


def kind_of_run(run: Run) -> RunKind:
    task = run.fixed.task or formatting.NONE
    error = run.error_value
    if error is None:
        return RunKind(style_of(run), task)
    # A tenth of our modules' time; loaded when first used.
    from tui.domain.errors.kinds import kind_of  # noqa: PLC0415
    from tui.domain.errors.messages.likeness import identity_of  # noqa: PLC0415

    common = kind_of(error).message
    return RunKind(style_of(run), task, Raw(first_line(error.message)), identity_of(common), common)


def kind_of_node(node: TreeNode) -> RunKind:
    is_read = node.run is not None and node.run.state is not None
    style = style_of(node.run) if is_read and node.run is not None else style_of_status(node.status)
    return RunKind(style, node.task or formatting.NONE)


def counted_lines(kinds: Iterable[RunKind], limit: int) -> list[Line]:
    """Return `33 ✗ failed  charge-card Upstream …`, the greatest number first.

    Messages that differ in ids and numbers are one line, which shows what they have in common.
    """
    counts, messages = Counter[tuple[StatusStyle, str, Raw]](), dict[tuple[StatusStyle, str, Raw], Raw]()
    for kind in kinds:
        key = (kind.style, kind.task, kind.group)
        counts[key] += 1
        if messages.setdefault(key, kind.message) != kind.message:
            messages[key] = kind.common
    digits = max(len(formatting.count(count)) for count in counts.values())
    names = {style: _lower_case(style) for style, _, _ in counts}
    widest = min(max(line_width((name,)) for name in names.values()), _STATUS_CELLS)
    tasks = min(max(line_width((Piece(task),)) for _, task, _ in counts), max(limit // 3, _STATUS_CELLS))
    lines = []
    for key, count in counts.most_common():
        (style, task, _), message = key, messages[key]
        number = fit((Piece(formatting.count(count), Token.BRIGHT, is_bold=True),), digits + 1, "right")
        parts: list[Line] = [number, (style.mark, Piece(" "), *fit((names[style],), widest))]
        parts.append(fit((Piece(task, Token.TEXT if message else Token.MUTED),), tasks))
        lines.append(cut(joined([*parts, (Piece(message, Token.MUTED),)]), limit))
    return lines


def _lower_case(style: StatusStyle) -> Piece:
    """Return a status for the middle of a sentence. An unknown word of the server stays as it is."""
    return Piece(style.word if style.glyph == "?" else style.word.lower())


def first_kinds(kinds: Sequence[Line], max_rows: int) -> list[Line]:
    if len(kinds) <= max_rows:
        return list(kinds)
    return [
        *kinds[: max_rows - 1],
        (Piece(f"… and {formatting.plural(len(kinds) - max_rows + 1, 'more kind')}", Token.MUTED),),
    ]
