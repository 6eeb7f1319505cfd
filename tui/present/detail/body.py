"""Payload, output, metadata and schedule as they are read: on one line where they fit, else indented, never endless.

What lives here: the layout of JSON values that somebody else's code made. Writing JSON itself is `json_text`.
"""

from typing import Final

from rich.cells import cell_len

from tui.domain.run import ABSENT, Json, Run
from tui.present import formatting
from tui.present.json.text import rows
from tui.present.styled import Line, Piece, Token, fold, wrap
from tui.present.text_block import LABEL, WHOLE, indented, labelled

_MOST_ROWS: Final = 60
_MOST_CHARACTERS: Final = 400  # of one key with its value, or of one item: a long text must not hide its neighbours


def body_lines(run: Run, limit: int) -> list[Line]:
    """The values that a run was given and gave back, as far as they were read."""
    lines: list[Line] = []
    if run.body:
        body = run.body[1]
        lines += _one("payload", body.payload, body.payload_url, "none", limit)
        if body.output is not ABSENT or body.output_url or run.is_final:
            nothing = "none, the run failed" if run.status.is_failed else "none"
            lines += _one("output", body.output, body.output_url, nothing, limit)
    if run.metadata and run.metadata[1]:
        lines += json_lines("metadata", run.metadata[1], limit)
    return lines


def json_lines(label: str, value: Json, limit: int) -> list[Line]:
    """A labelled JSON value within `limit` cells. Where it was cut, the last line says how much is missing."""
    room = max(limit - LABEL, LABEL)
    if (short := _on_one_line(value, room)) is not None:
        return labelled(label, [(Piece(short),)], limit)
    shown: list[Line] = []
    lines_left = characters_left = 0
    for depth, text in rows(value):
        if len(shown) >= _MOST_ROWS:
            lines_left += 1
            continue
        if len(text) > _MOST_CHARACTERS:
            characters_left += len(text) - _MOST_CHARACTERS
            text = f"{text[:_MOST_CHARACTERS]}…"  # noqa: PLW2901  the rest of it is counted and gone
        indent = min(2 * depth, room // 2)
        shown += indented(fold((Piece(text),), room - indent), indent)
    first, *others = shown
    lines = labelled(label, [first], limit) + indented(others, LABEL)
    if lines_left or characters_left:
        cuts = [formatting.plural(lines_left, "line")] if lines_left else []
        cuts += [formatting.plural(characters_left, "character")] if characters_left else []
        note = f"… without {' and '.join(cuts)}; {WHOLE}"
        lines += indented([(Piece(row, Token.FAINT),) for row in wrap(note, room)], LABEL)
    return lines


def _one(label: str, value: Json, url: str | None, nothing: str, limit: int) -> list[Line]:
    if value is not ABSENT:
        return json_lines(label, value, limit)
    text = nothing if url is None else "too large for the answer; --json prints the URL to fetch it from"
    return labelled(label, [(Piece(row, Token.FAINT),) for row in wrap(text, limit - LABEL)], limit)


def _on_one_line(value: Json, room: int) -> str | None:
    text = ""
    for _, row in rows(value):
        text += row + (" " if row.endswith(",") else "")
        if len(text) > room:
            return None
    return text if cell_len(text) <= room else None
