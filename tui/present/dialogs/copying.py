"""What can be copied of a run: each as it came, for other programs; and the little menu of it.

What lives here: the texts and the lines. How a text gets into a clipboard, and how much may, is the screen's.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from tui.domain.error import RunError
from tui.domain.run import ABSENT, Json, Run
from tui.present import formatting
from tui.present.json.text import compact
from tui.present.styled import Line, Piece, Token, cut, fit

_NAME: Final = 12


@dataclass(frozen=True, slots=True)
class Clip:
    """One thing that can be copied. `text` None: there is something, but not here; `note` says where."""

    key: str
    name: str
    text: str | None
    note: str = ""

    @property
    def size(self) -> int:
        """How many bytes it is."""
        return 0 if self.text is None else len(self.text.encode("utf-8", "surrogatepass"))


def clips_of(run: Run) -> list[Clip]:
    """What there is of a run, raw: the id, then JSON as JSON text on one line, then the error with its stack."""
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
    if run.metadata is not None and run.metadata[1]:
        clips.append(Clip("m", "metadata", json_of(run.metadata[1])))
    if (error := _error_of(run)) is not None:
        clips.append(Clip("e", "error", error_text(error)))
    return clips


def json_of(value: Json) -> str:
    """A value as JSON text in its own letters; escaped where text cannot hold them, or where it is nested deep."""
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False)
        text.encode()
    except (ValueError, RecursionError):  # a lone surrogate is an encoding error, which is a ValueError
        return compact(value)
    return text


def error_text(error: RunError) -> str:
    """Name, message and stack as Node prints them; the causes below."""
    head = f"{error.name}: {error.message}" if error.name else error.message
    stack = error.stack or ""
    text = stack if stack.startswith(head) else f"{head}\n{stack}".rstrip("\n")
    return "\ncaused by ".join([text, *map(error_text, error.causes)])


def _error_of(run: Run) -> RunError | None:
    """The error of the last attempt that has a stack, else the run's own."""
    attempts = run.attempts[1].attempts if run.attempts else ()
    last = attempts[-1].error if attempts and run.status.is_failed else None
    own = run.error[1] if run.error else None
    return last if last is not None and (own is None or own.has_code_only or not own.stack) else own


def menu_lines(clips: Sequence[Clip], cursor: int, width: int, *, note: str = "") -> list[Line]:
    """The menu in lines of `width` cells: a key, a name, how much it is; `note` says what is still read, or was not."""
    lines: list[Line] = [(), (Piece("   Copy", Token.BRIGHT, is_bold=True),), ()]
    for number, clip in enumerate(clips):
        is_here = number == cursor
        edge = Piece(" ▌ " if is_here else "   ", Token.ACCENT)
        key = Piece(f"{clip.key}  ", Token.TEXT, is_bold=True)
        name = fit((Piece(clip.name, Token.BRIGHT if is_here else Token.TEXT, is_bold=is_here),), _NAME)
        about = Piece(clip.note or formatting.size(clip.size), Token.MUTED)
        lines.append(cut((edge, key, *name, about), width))
    lines += [(), cut((Piece(f"   {note}" if note else "   Enter or the letter copies", Token.MUTED),), width), ()]
    return lines
