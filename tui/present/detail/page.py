"""The page about one run in the pane `detail`: what became of it and why, then its life, facts, relatives, values.

What lives here: the order of the page, its head and its error. Every field that is known of a run is on it or one Enter
away from it. The page that `show` prints is in `detail`.
"""

import re
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from types import MappingProxyType
from typing import Final

from tui.domain.error import RunError
from tui.domain.run import ABSENT, Absent, Json, Run
from tui.domain.stack import FrameKind, parse_stack
from tui.domain.text import Raw
from tui.present import formatting
from tui.present.actions.row_actions import Fetch, Row, Whole
from tui.present.columns import Now
from tui.present.detail.facts import Relatives, ancestor_rows, child_rows, fact_rows, facts_of, more_facts_of, tag_rows
from tui.present.detail.timeline import life_line, life_lines, updated_lines
from tui.present.detail.waiting import meaning_words
from tui.present.frame.trouble import without_request
from tui.present.json.fold import JsonFolds, value_at
from tui.present.json.rows import ValuePath, ValueRows
from tui.present.printed.run import best_error, indented, remarks, status_lines
from tui.present.status import look_of
from tui.present.styled import Line, Piece, Token, cut, first_line, fold, joined, line_width, wrap
from tui.present.text_block import LABEL

LEAST_WIDTH: Final = 30
VALUES: Final = ("payload", "output", "metadata", "schedule")
ERROR: Final = "error"
NOTHING_SELECTED: Final = (
    "The list follows what is new. j or ↓ in it selects a run, ] does so from every pane, x finds a failed one."
)
FETCHING: Final = "fetching…"
FIRST: Final = ("head", 0)
"""The key of the row with the status."""

_MESSAGE_ROWS: Final = 8
_CAUSES: Final = 3
_SAID: Final = 400
"""Characters of what the other side says of a failure."""

_MOST_ROWS: Final = 60
_MOST_FOUND: Final = 400
"""Rows of one value, and as many while a text is searched: what is found should be seen."""


@dataclass(frozen=True, slots=True)
class Shown:
    """What the user chose to see. `folds` by the label of a value, `unfolded` the groups of children, `fetching` what
    is said of values that are stored apart, by label.
    """

    folds: Mapping[str, JsonFolds] = field(default_factory=lambda: MappingProxyType({}))
    unfolded: frozenset[Hashable] = frozenset()
    fetching: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    is_wrapped: bool = False
    is_searched: bool = False


@dataclass(frozen=True, slots=True)
class Read:
    """How far reading the run got: whether it is on its way, and why it could not be read. `action` is what a pending
    action says in the status word's place.
    """

    is_reading: bool = False
    trouble: str | None = None
    action: Piece | None = None


def detail_rows(
    run: Run, around: Relatives, read: Read, shown: Shown, now: Now, width: int, values: ValueRows
) -> list[Row]:
    """The page in rows of at most `width` cells (at least 30), an empty one before each block.

    `values` is the same at each call for one page.
    """
    limit = max(width, LEAST_WIDTH)
    blocks = (
        _head(run, now, limit, read.action),
        _plain(trouble_lines(run, read, now, limit), "trouble"),
        _error_rows(run, limit),
        [
            *_life_rows(run, now, limit),
            *ancestor_rows(run, around, now, limit),
            *fact_rows(facts_of(run), limit, is_wrapped=shown.is_wrapped),
            *tag_rows(run, limit),
        ],
        child_rows(around, now, limit, shown.unfolded) if around.children else [],
        _value_rows(run, read, shown, limit, values),
        [
            *fact_rows(more_facts_of(run), limit, is_wrapped=shown.is_wrapped),
            *_plain(updated_lines(run, now, limit), "updated"),
            *(child_rows(around, now, limit, shown.unfolded) if not around.children else []),
        ],
    )
    rows: list[Row] = []
    for block in blocks:
        if block:
            rows.append(Row(()))
            rows += block
    return rows


def _plain(lines: list[Line], key: str) -> list[Row]:
    return [Row(line, (key, index)) for index, line in enumerate(lines)]


def _head(run: Run, now: Now, limit: int, action: Piece | None) -> list[Row]:
    look = look_of(run)
    lines = status_lines((look.mark, Piece(" "), action or look.name), remarks(run, now), Token.TEXT, limit)
    about = meaning_words(run, now)
    if about:
        description: Line = (Piece(about, Token.FAINT),)
        one = joined([lines[0], description])
        is_beside = len(lines) == 1 and line_width(one) <= limit
        lines = [one] if is_beside else [*lines, *indented(wrap(about, limit - 2), Token.FAINT)]
    name: Line = (Piece(run.fixed.task or formatting.NONE, Token.BRIGHT, is_bold=True),)
    run_id: Line = (Piece(run.id, Token.FAINT),)
    whole = joined([name, run_id])
    lines += [whole] if line_width(whole) <= limit else [cut(name, limit), *fold(run_id, limit)]
    return _plain(lines, "head")


_STATUS: Final = re.compile(r"(\d{3})\b")
_UNREADABLE: Final = "the run could not be read: "


def trouble_lines(run: Run | None, read: Read, now: Now, limit: int) -> list[Line]:
    """Why the run, or a part of it, could not be read, and what that means, within `limit` cells."""
    if run is not None and run.is_gone:
        return _sentence("The server does not know this run any more.", Token.AMBER, limit)
    if read.trouble is None:
        return []
    said = without_request(read.trouble)
    match = _STATUS.match(said)
    if said.startswith(_UNREADABLE):
        return _sentence(f"{said[0].upper()}{said[1:]}. r tries again.", Token.AMBER, limit)
    if said == read.trouble or not read.trouble.endswith(said):
        # Not the run itself but a part of it: it comes with words of its own in front.
        return _sentence(said, Token.MUTED, limit)
    if match is None:
        since = f"As of {formatting.time_of_day(run.read_at, now.at)}: nobody" if run and run.read_at else "Nobody"
        return _sentence(f"{since} answers. r tries again.", Token.AMBER, limit) + _sentence(said, Token.FAINT, limit)
    match match[1]:
        case "403":
            return _sentence("This key may not read runs (403). Lists go on working.", Token.AMBER, limit)
        case "401":
            return _sentence("The key was refused (401). Set TRIGGER_SECRET_KEY anew.", Token.AMBER, limit)
        case "404":
            return _sentence("The server does not know this run (404).", Token.AMBER, limit)
        case _:
            status = f" ({match[1]})" if match[1] >= "400" else ""
            lines = _sentence(f"The run could not be read{status}. r tries again.", Token.AMBER, limit)
            return lines if said == match[1] else lines + _sentence(said, Token.FAINT, limit)


def _sentence(text: str, token: Token, limit: int) -> list[Line]:
    return [(Piece(row, token),) for row in wrap(text[:_SAID], limit)]


def _error_rows(run: Run, limit: int) -> list[Row]:
    error = best_error(run)
    if error is None:
        return []
    name: Line = (Piece(error.name, Token.ROSE), Piece(" ")) if error.name else ()
    indent = line_width(name)
    rows: list[Row] = []
    if indent > limit // 2:
        rows = _plain(fold(name, limit), "error name")
        name, indent = (Piece("  "),), 2
    blank: Line = (Piece(" " * indent),)
    texts, is_cut = _message(error.message, limit - indent)
    for index, text in enumerate(texts):
        piece = Piece(text, Token.BRIGHT) if text else Piece("no message", Token.MUTED)
        rows.append(Row((*(blank if index else name), piece), (ERROR, index)))
    if is_cut:
        note = (Piece(f"… {formatting.size(len(error.message))} in all  ", Token.FAINT), *_enter("shows the whole"))
        rows.append(Row((*blank, *cut(note, limit - indent)), (ERROR, "more"), Whole(ValuePath(ERROR, ()))))
    below: list[Line] = []
    if error.code is not None and error.code not in error.message:
        below.append((Piece("code  ", Token.FAINT), Piece(error.code, Token.MUTED)))
    if place := _first_own(error.stack, error.message):
        below.append((Piece(f"at {place}", Token.FAINT),))
    below += [_cause(cause) for cause in error.causes[:_CAUSES]]
    if len(error.causes) > _CAUSES:
        below.append((Piece(f"and {formatting.plural(len(error.causes) - _CAUSES, 'more cause')}", Token.FAINT),))
    room = limit - indent
    rows += [Row((*blank, *cut(line, room)), (ERROR, "below", index)) for index, line in enumerate(below)]
    return rows


def _enter(what: str) -> Line:
    return (Piece("Enter", Token.MUTED), Piece(f" {what}", Token.FAINT))


def _message(text: Raw, limit: int) -> tuple[list[str], bool]:
    """The first rows of a message, and whether there are more; megabytes are not wrapped for them."""
    reach = 2 * _MESSAGE_ROWS * max(limit, 2)
    rows = wrap(text.strip()[:reach], limit)
    return rows[:_MESSAGE_ROWS], len(rows) > _MESSAGE_ROWS or len(text) > reach


def _cause(cause: RunError) -> Line:
    name: Line = (Piece(f"{cause.name} ", Token.ROSE),) if cause.name else ()
    return (Piece("caused by ", Token.FAINT), *name, Piece(first_line(cause.message), Token.MUTED))


@lru_cache(maxsize=16)
def _first_own(stack: Raw | None, message: Raw) -> str:
    """Where in the task's own code it was thrown: `src/trigger/charge.ts:20:29`."""
    frames = parse_stack(stack, message) if stack else ()
    own = next((frame for frame in frames if frame.kind is FrameKind.OWN), None)
    if own is None:
        return ""
    return ":".join(str(part) for part in (own.short_file, own.line, own.column) if part is not None)


def _life_rows(run: Run, now: Now, limit: int) -> list[Row]:
    line = life_line(run, now, limit)
    return ([Row(line, "life")] if line else []) + _plain(life_lines(run, now, limit), "time")


def _value_rows(run: Run, read: Read, shown: Shown, limit: int, values: ValueRows) -> list[Row]:
    rows: list[Row] = []
    for label in VALUES:
        value, url = value_of(run, label)
        if value is not ABSENT:
            most = _MOST_FOUND if shown.is_searched else _MOST_ROWS
            folds = shown.folds.get(label, JsonFolds())
            rows += values.rows(label, value, folds, limit, is_wrapped=shown.is_wrapped, most=most)
        elif url is not None:
            rows += _apart_rows(label, shown.fetching.get(label, ""), limit)
        elif (nothing := _nothing(run, read, label)) is not None:
            rows.append(_remark(label, (Piece(nothing, Token.FAINT),), limit))
    return rows


def value_of(run: Run, label: str) -> tuple[Json | Absent, str | None]:
    """One of `VALUES`, `ABSENT` where there is none or none is known; and the address of one that is stored apart."""
    body = run.body[1] if run.body else None
    match label:
        case "payload":
            return (ABSENT, None) if body is None else (body.payload, body.payload_url)
        case "output":
            return (ABSENT, None) if body is None else (body.output, body.output_url)
        case "metadata":
            return (run.metadata[1] if run.metadata and run.metadata[1] else ABSENT), None
        case _:
            return (ABSENT if run.fixed.schedule is None else run.fixed.schedule), None


def _nothing(run: Run, read: Read, label: str) -> str | None:
    """What is said where there is no value; None: nothing."""
    if label in {"metadata", "schedule"} or (label == "output" and not run.is_final):
        return None
    if run.body is None:
        return formatting.LOADING if read.is_reading else "not read"
    return "none, the run failed" if label == "output" and run.status.is_failed else "none"


def _remark(label: str, line: Line, limit: int, act: Fetch | None = None) -> Row:
    return Row((Piece(f"{label:<{LABEL}}", Token.FAINT), *cut(line, limit - LABEL)), label, act)


def _apart_rows(label: str, said: str, limit: int) -> list[Row]:
    """What stands in the place of a value that has to be fetched."""
    if said == FETCHING:
        return [_remark(label, (Piece(said, Token.MUTED),), limit)]
    act = Fetch(label)
    if not said:
        return [_remark(label, (Piece("stored apart  ", Token.MUTED), *_enter("fetches it")), limit, act)]
    lines: list[Line] = [(Piece(row, Token.AMBER),) for row in wrap(said[:_SAID], limit - LABEL)]
    rows = [_remark("" if index else label, line, limit, act) for index, line in enumerate(lines)]
    rows = [row._replace(key=(label, index)) for index, row in enumerate(rows)]
    return [*rows, _remark("", _enter("tries again"), limit, act)._replace(key=(label, "again"))]


def whole_of(run: Run, place: ValuePath) -> Json | Absent:
    """What is shown when the whole of something on the page is asked for; `ABSENT` where it is gone meanwhile."""
    if place.which == ERROR:
        error = best_error(run)
        return ABSENT if error is None else f"{error.message}\n\n{error.stack}" if error.stack else error.message
    for pair in (*facts_of(run), *more_facts_of(run)):
        for fact in pair:
            if fact is not None and fact.label == place.which:
                return fact.value
    value, _ = value_of(run, place.which)
    return value if value is ABSENT else value_at(value, place.path)
