"""The words for the parts of an error group: its type, place, state and times."""

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from rich.cells import cell_len

from tui.domain.errors.kinds import ErrorKind
from tui.domain.ids import TaskId
from tui.domain.text import Raw, clean
from tui.present import formatting
from tui.present.styled import Line, Piece, Token, first_line
from tui.store.errors.error_group import ErrorGroup
from tui.store.errors.states import ErrorState

_CODE: Final = re.compile(r"[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+")
"""Trigger.dev's own code for a crash, a timeout and the like, which stands in place of a type."""

_SOURCE_FOLDER: Final = re.compile(r"^(?:src|dist)/")

SHORT_FINGERPRINT: Final = 8
"""Characters of a fingerprint on the screen."""

STATE_WORDS: Final = {
    ErrorState.NEW: ("NEW", "NEW"),
    ErrorState.REGRESSED: ("regressed", "again"),
    ErrorState.ACKNOWLEDGED: ("acknowledged", "known"),
    ErrorState.UNRESOLVED: ("", ""),
}
"""The word of each state in the list, and its narrow form. An unresolved group is the usual one and has none."""

STATE_TOKENS: Final = {
    ErrorState.NEW: Token.ROSE,
    ErrorState.REGRESSED: Token.AMBER,
    ErrorState.ACKNOWLEDGED: Token.FAINT,
    ErrorState.UNRESOLVED: Token.TEXT,
}


def short_fingerprint(group: ErrorGroup) -> str:
    """Return the first characters of the fingerprint, as the list's filter takes them."""
    return group.fingerprint[:SHORT_FINGERPRINT]


def is_acknowledged(group: ErrorGroup) -> bool:
    """Return whether the group is acknowledged, so that it is grey."""
    return group.state is ErrorState.ACKNOWLEDGED


def state_piece(state: ErrorState | None, *, is_narrow: bool = False) -> Piece:
    """Return the word of a state; `·` where it is not known."""
    if state is None:
        return Piece(formatting.NONE, Token.FAINT)
    return Piece(STATE_WORDS[state][is_narrow], STATE_TOKENS[state], is_bold=state is ErrorState.NEW)


def type_name(kind: ErrorKind) -> Raw | None:
    """Return the class of the exception; None for a thrown string, and for a code, which is not a type."""
    return None if kind.type is None or _CODE.fullmatch(kind.type) else kind.type


def error_line(kind: ErrorKind, type_token: Token = Token.ROSE, message_token: Token = Token.TEXT) -> Line:
    """Return the type and the first line of the normalised message."""
    name, message = type_name(kind), first_line(kind.message)
    head: Line = () if name is None else (Piece(name, type_token),)
    if not message:
        return head or (Piece(kind.type or "no message", Token.MUTED),)
    return (
        (*head, Piece(" " if head else ""), Piece(message, message_token)) if head else (Piece(message, message_token),)
    )


def task_words(tasks: Sequence[tuple[TaskId, int]]) -> str:
    """Return the task, or how many there are."""
    if not tasks:
        return formatting.NONE
    return tasks[0][0] if len(tasks) == 1 else formatting.plural(len(tasks), "task")


def place_words(kind: ErrorKind, line: int | None, limit: int) -> str:
    """Return `lib/stripe.ts:88`, or without its folder if that is too long; `·` without a frame of the project.

    `line` is that of the newest failure.
    """
    if kind.frame is None:
        return formatting.NONE
    position = "" if line is None else f":{line}"
    path = clean(Raw(_SOURCE_FOLDER.sub("", kind.frame.file)))
    return path + position if cell_len(path) + len(position) <= limit else path.rpartition("/")[2] + position


def first_known(group: ErrorGroup) -> datetime:
    """Return when the group was first seen: by the server, which remembers more than the span, or in the span."""
    theirs = (each.first_seen for each in group.server_groups if each.first_seen is not None)
    return min([group.first_seen, *theirs])


def day_words(at: datetime, now: datetime) -> str:
    """Return `14:21` for a time of today or near to now, otherwise `3 Nov`, and the year alone from another year."""
    local = at.astimezone(now.tzinfo)
    if formatting.needs_no_day(at, now):
        return f"{local:%H:%M}"
    return f"{local.day} {local:%b}" if local.year == now.year else f"{local.year}"
