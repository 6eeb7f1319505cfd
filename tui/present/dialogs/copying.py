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
_MARGIN: Final = 3


@dataclass(frozen=True, slots=True)
class Clip:
    """One text to copy. `text` is None if it cannot be copied; `note` says why.

    `is_shown`: the menu shows the text itself instead of its size. `group` is the heading above the first of its group.
    """

    key: str
    name: str
    text: str | None
    note: str = ""
    group: str = ""
    is_shown: bool = False

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
                clips.append(Clip(key, name, None, "stored apart; Enter in the detail fetches it"))
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


@dataclass(frozen=True, slots=True)
class MenuWords:
    """The title of a menu and the hint below it, in place of which `note` says what happens now."""

    title: str = "Copy"
    hint: str = "Enter or the letter copies"
    note: str = ""


def menu_lines(
    clips: Sequence[Clip], cursor: int, width: int, words: MenuWords, *, max_lines: int | None = None
) -> list[Line]:
    """Return the menu in lines of `width` cells: key, name and size. In few lines it does without its headings."""
    lines: list[Line] = []
    names = max([_NAME, *(len(clip.name) + _NAME_GAP for clip in clips)])
    group = clips[0].group if clips else ""
    for number, clip in enumerate(clips):
        if clip.group != group:
            group = clip.group
            lines += [(), (Piece(f"   {group}", Token.FAINT),)]
        lines.append(cut(_clip_line(clip, names, is_here=number == cursor), width - _MARGIN))
    note = cut((Piece(f"   {words.note or words.hint}", Token.MUTED),), width)
    menu: list[Line] = [(), (Piece(f"   {words.title}", Token.BRIGHT, is_bold=True),), (), *lines, (), note, ()]
    if max_lines is not None and len(menu) > max_lines:
        rows = [_clip_line(clip, names, is_here=number == cursor) for number, clip in enumerate(clips)]
        menu = [menu[1], *(cut(row, width - _MARGIN) for row in rows), note]
    return menu


def _clip_line(clip: Clip, names: int, *, is_here: bool) -> Line:
    edge = Piece(" ▌ " if is_here else "   ", Token.ACCENT)
    is_faint = clip.text is None
    key = Piece(f"{clip.key}  ", Token.FAINT if is_faint else Token.TEXT, is_bold=not is_faint)
    token = Token.FAINT if is_faint else Token.BRIGHT if is_here else Token.TEXT
    name = fit((Piece(clip.name, token, is_bold=is_here and not is_faint),), names)
    description = clip.note or (clip.text or "" if clip.is_shown else formatting.size(clip.size))
    return (edge, key, *name, Piece(description, Token.MUTED))
