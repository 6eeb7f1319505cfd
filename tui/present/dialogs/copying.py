"""The texts that can be copied from a run, and the menu to choose one. All but the ticket are unchanged.

The screen decides how a text reaches the clipboard, and how long it may be.
"""

import json
from collections.abc import Callable, Sequence
from datetime import UTC, tzinfo
from typing import Final

from tui.domain.environment import Environment
from tui.domain.errors.error import RunError
from tui.domain.run import ABSENT, Json, Run
from tui.lazy_dataclass import dataclass
from tui.present import formatting
from tui.present.detail.error import full_error
from tui.present.json.text import compact
from tui.present.printed.ticket import ticket
from tui.present.styled import Line, Piece, Token, cut, fit

_NAME: Final = 12
_NAME_GAP: Final = 2


@dataclass(frozen=True, slots=True)
class Clip:
    """One text to copy. `text` is None if it exists but was not read; `note` says where it is."""

    key: str
    name: str
    text: str | None
    note: str = ""

    @property
    def size(self) -> int:
        """The size in bytes."""
        return 0 if self.text is None else len(self.text.encode("utf-8", "surrogatepass"))


def clips_of(run: Run) -> list[Clip]:
    """Return the texts of a run: id, payload and output as compact JSON, error with its stack."""
    clips = [Clip("i", "id", run.id)]
    if run.body is not None:
        body = run.body[1]
        for key, name, value, url in (
            ("p", "payload", body.payload, body.payload_url),
            ("o", "output", body.output, body.output_url),
        ):
            if url is not None:
                clips.append(Clip(key, name, None, "stored apart: Enter in the detail fetches it"))
            elif value is not ABSENT:
                clips.append(Clip(key, name, json_of(value)))
    if run.metadata_values:
        clips.append(Clip("m", "metadata", json_of(run.metadata_values)))
    if (error := full_error(run)) is not None:
        clips.append(Clip("e", "error", error_text(error)))
    return clips


def ticket_clips(
    run: Run, environment: Environment | None, redact: Callable[[str], str], zone: tzinfo = UTC
) -> list[Clip]:
    """Return the run as a ticket in Markdown, without and with its payload, if its detail was read.

    `zone` is that of its times.
    """
    if run.body is None:
        return []
    tickets = [Clip("t", "ticket", ticket(run, environment=environment, redact=redact, zone=zone))]
    if run.body[1].payload is not ABSENT:
        with_payload = ticket(run, environment=environment, redact=redact, has_payload=True, zone=zone)
        tickets.append(Clip("w", "ticket with payload", with_payload))
    return tickets


def json_of(value: Json) -> str:
    """Return a value as JSON text, escaped if it contains lone surrogates or is nested deeply."""
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False)
        text.encode()
    except (ValueError, RecursionError):  # A lone surrogate raises UnicodeEncodeError, which is a ValueError.
        return compact(value)
    return text


def error_text(error: RunError) -> str:
    """Return name, message and stack as Node prints them, with the causes below."""
    head = f"{error.name}: {error.message}" if error.name else error.message
    stack = error.stack or ""
    text = stack if stack.startswith(head) else f"{head}\n{stack}".rstrip("\n")
    return "\ncaused by ".join([text, *map(error_text, error.causes)])


def menu_lines(clips: Sequence[Clip], cursor: int, width: int, *, note: str = "") -> list[Line]:
    """Return the menu in lines of `width` cells: key, name and size. `note` says what is still being read."""
    lines: list[Line] = [(), (Piece("   Copy", Token.BRIGHT, is_bold=True),), ()]
    names = max([_NAME, *(len(clip.name) + _NAME_GAP for clip in clips)])
    for number, clip in enumerate(clips):
        is_here = number == cursor
        edge = Piece(" ▌ " if is_here else "   ", Token.ACCENT)
        key = Piece(f"{clip.key}  ", Token.TEXT, is_bold=True)
        name = fit((Piece(clip.name, Token.BRIGHT if is_here else Token.TEXT, is_bold=is_here),), names)
        description = Piece(clip.note or formatting.size(clip.size), Token.MUTED)
        lines.append(cut((edge, key, *name, description), width))
    lines += [(), cut((Piece(f"   {note}" if note else "   Enter or the letter copies", Token.MUTED),), width), ()]
    return lines
