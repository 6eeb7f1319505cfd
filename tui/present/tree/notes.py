"""The sentences below a tree, and the words in the pane's rule that say how much of it is loaded."""

from datetime import datetime, timedelta
from typing import Final

from tui.domain.tree import RunTree
from tui.present import formatting
from tui.present.actions.row_actions import GoToRun, Row
from tui.present.columns import Now, short_id
from tui.present.frame.failure import without_request
from tui.present.key_words import tries_again
from tui.present.styled import Line, Piece, Token, cut, wrap
from tui.present.tree.page import EDGE
from tui.present.tree.shape import TreeRun, TreeShape

_AGE_SHOWN_FROM: Final = timedelta(seconds=10)
"""From this age on, a live tree may have runs that were not loaded, so its age is shown."""


def notes(tree: RunTree, shape: TreeShape, failure: str | None, width: int) -> list[Row]:
    """Return the rows below the tree: the first failure, what is missing, and why the last read failed."""
    rows: list[Row] = []
    if (first := shape.first_failed) is not None and isinstance(first.item, TreeRun):
        node, root = first.item.node, shape.root
        failed = root.below.failed + root.is_failed
        line = (
            Piece(f"✗{formatting.count(failed)}", Token.ROSE, is_bold=True),
            Piece("  the first to fail was ", Token.FAINT),
            Piece(node.task or formatting.NONE, Token.MUTED),
            Piece("  "),
            *short_id(node.id, Token.FAINT),
        )
        rows += [Row(()), Row(cut(line, width), "first failed", GoToRun(node.id))]
    sentences = []
    if tree.missing:
        sentences.append(f"Not fully loaded: {'; '.join(tree.missing)}.{tries_again('reads it again')}")
    if failure:
        sentences.append(failure_words(failure))
    for sentence in sentences:
        rows.append(Row(()))
        rows += [Row((Piece(text, Token.MUTED),)) for text in wrap(sentence, max(width - EDGE, 1))]
    return rows


def failure_words(failure: str) -> str:
    """Return why the tree could not be read, and what the user can do."""
    reason = without_request(failure).removeprefix("the run could not be read: ").rstrip(".")
    return f"The tree could not be read: {reason}{'' if reason.endswith('?') else '.'}{tries_again()}"


def extent(tree: RunTree, shape: TreeShape, read_at: datetime | None, now: Now) -> Line:
    """Return how much of the tree is loaded: `216 runs · all loaded`, with the age of the read while a run is live."""
    if tree.missing:
        return (
            Piece(f"{formatting.plural(shape.size, 'run')} or more", Token.TEXT),
            Piece(" · not fully loaded", Token.MUTED),
        )
    loaded = " · all loaded"
    if shape.is_live and read_at is not None and now.at - read_at >= _AGE_SHOWN_FROM:
        loaded += f" {now.age(read_at)} ago"
    return (Piece(formatting.plural(shape.size, "run"), Token.TEXT), Piece(loaded, Token.MUTED))
