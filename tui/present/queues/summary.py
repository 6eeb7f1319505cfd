"""The two lines about the selected queue, where its page is not visible."""

from tui.present import formatting
from tui.present.columns import Now
from tui.present.queues.facts import QueueFacts
from tui.present.queues.page import NOTHING_SELECTED
from tui.present.queues.sentences import NOT_SLOW, sentences
from tui.present.queues.words import HEALTH_TOKENS, READING, health_glyph
from tui.present.styled import Line, Piece, Token, cut, joined, line_width, plain

_INDENT = "  "


def queue_summary_lines(facts: QueueFacts | None, now: Now, width: int) -> tuple[Line, Line]:
    """Return `○ at its limit  send-email  20 of 20 places: 20 send-campaign`, then whether it drains and why."""
    if facts is None:
        return (cut((Piece(f"{_INDENT}{NOTHING_SELECTED}", Token.MUTED),), width), ())
    row, limit = facts.row, width - 1
    answers = {label: answer for label, (answer, _) in sentences(facts, now)}
    parts: list[Line] = []
    if row.health.value:
        parts.append((health_glyph(row.health), Piece(" "), Piece(row.health.value, HEALTH_TOKENS[row.health])))
    parts.append((Piece(row.name, Token.BRIGHT, is_bold=True),))
    blocked = tuple(Piece(piece.text, Token.MUTED) for piece in _blocked(answers["blocked"]))
    since = () if row.since is None else (Piece(f"since {formatting.time_of_day(row.since, now.at)}", Token.TEXT),)
    if since and line_width(joined([*parts, since, blocked])) <= limit - len(_INDENT):
        parts.append(since)
    parts.append(blocked)
    drains, why = (_said(plain(answers[label])) for label in ("drains", "why"))
    # The line above has the reason of a standstill.
    whys = (why, why.partition(",")[0]) if drains and why and row.standstill is None else ()
    texts = (f"{drains}; {each}" for each in whys)
    room = limit - 2 * len(_INDENT)
    second = next((text for text in texts if line_width((Piece(text),)) <= room), drains or why)
    head = (Piece(_INDENT), *joined(parts))
    return cut(head, limit), cut((Piece(f"{_INDENT}{_INDENT}"), Piece(second, Token.MUTED)), limit)


def _blocked(answer: Line) -> Line:
    text = plain(answer).removeprefix("by its own limit, ")
    return (Piece(f"blocked {text}" if text.startswith("by ") else text),)


def _said(text: str) -> str:
    """Return a sentence without the words around its numbers; empty if nothing is known."""
    if text in {"not known", "nothing waits", READING, formatting.LOADING}:
        return ""
    if NOT_SLOW in text:
        return ""
    if " at p95" in text:
        runs, _, took = text.partition(" take ")
        text = f"{runs.removeprefix('runs').removeprefix(' of ')} p95 {took.replace(' at p95', '')}".lstrip()
    return text.removeprefix("no: ").removeprefix("yes: ")
