"""The two lines about the selected queue, where its page is not visible."""

from tui.present import formatting
from tui.present.columns import Now
from tui.present.queues.facts import QueueFacts
from tui.present.queues.page import NOTHING_SELECTED
from tui.present.queues.sentences import sentences
from tui.present.queues.words import HEALTH_TOKENS, health_glyph
from tui.present.styled import Line, Piece, Token, cut, joined, line_width, plain

_INDENT = "  "


def queue_summary_lines(facts: QueueFacts | None, now: Now, width: int) -> tuple[Line, Line]:
    """Return `○ at its limit  send-email  since 14:10  by its own limit 20/20`, then whether it drains and why."""
    if facts is None:
        return (cut((Piece(f"{_INDENT}{NOTHING_SELECTED}", Token.MUTED),), width), ())
    row, limit = facts.row, width - 1
    answers = {label: answer for label, (answer, _) in sentences(facts, now)}
    parts: list[Line] = []
    if row.health.value:
        parts.append((health_glyph(row.health), Piece(" "), Piece(row.health.value, HEALTH_TOKENS[row.health])))
    parts.append((Piece(row.name, Token.BRIGHT, is_bold=True),))
    if row.since is not None:
        parts.append((Piece(f"since {formatting.time_of_day(row.since, now.at)}", Token.TEXT),))
    parts.append(tuple(Piece(piece.text, Token.MUTED) for piece in _blocked(answers["blocked"])))
    second = "; ".join(text for label in ("drains", "why") if (text := _said(plain(answers[label]))))
    first: list[Line] = []
    for part in parts:
        if not first or line_width(joined([*first, part])) <= limit - len(_INDENT):
            first.append(part)
    head = (Piece(_INDENT), *joined(first))
    return cut(head, limit), cut((Piece(f"{_INDENT}{_INDENT}"), Piece(second, Token.MUTED)), limit)


def _blocked(answer: Line) -> Line:
    text = plain(answer)
    return (Piece(f"blocked {text}"),) if text.startswith("by ") else answer


def _said(text: str) -> str:
    """Return a sentence without the words around its numbers; empty if nothing is known."""
    if text in {"not known", "nothing waits", formatting.LOADING}:
        return ""
    if " at p95" in text:
        text = f"p95 {text.partition(' take ')[2].replace(' at p95', '')}"
    return text.removeprefix("not by itself: ").removeprefix("by itself: ")
