"""What is known of a run besides its life and its values, two facts to a row where both are short, and its relatives.

What lives here: rows with a label. A fact that is cut leads to the whole of it, a relative to its own page.
"""

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from rich.cells import cell_len

from tui.domain.ids import RunId
from tui.domain.run import Run
from tui.domain.text import Raw
from tui.present import formatting
from tui.present.actions.row_actions import Act, Open, Row, Toggle, Whole
from tui.present.columns import Now, short_id, took
from tui.present.detail.origin import origin_words
from tui.present.detail.waiting import token_of
from tui.present.json.rows import WRAPPED_ROWS, ValuePath
from tui.present.status import StatusStyle, look_of
from tui.present.styled import Line, Piece, Token, cut, fit, fold, line_width, pad
from tui.present.text_block import LABEL, labelled

_BESIDE: Final = 15
"""Cells from a value to what stands beside it, so that those stand below each other."""

_GAP: Final = 2
_TASK: Final = 24
_ALIKE: Final = 10
_FAILED_SHOWN: Final = 50


@dataclass(frozen=True, slots=True)
class Fact:
    """One value with its label. `word` names it where it stands beside another, if that is needed."""

    label: str
    value: Raw | str
    word: str = ""


def facts_of(run: Run) -> list[tuple[Fact, Fact | None]]:
    """What is asked for first, in the order of the page; two that belong together as one item."""
    fixed = run.fixed
    depth = None if fixed.depth is None else formatting.count(fixed.depth)
    region = fixed.region if _is_name(fixed.region) else None
    unknown = run.state.status.word if run.state is not None and look_of(run).glyph == "?" else None
    return _present(
        (_fact("status", unknown), _fact("taken for", run.status.value if unknown else None, "taken for ")),
        (_fact("version", fixed.version), _fact("region", region)),
        (_fact("from", origin_words(fixed) or None), _fact("depth", depth, "depth ")),
        (_fact("token", token_of(run)), None),
        (_fact("queue", fixed.queue), _fact("machine", fixed.machine, "machine ")),
        (_fact("cost", _cost(run)), _fact("ttl", fixed.ttl, "ttl ")),
    )


def more_facts_of(run: Run) -> list[tuple[Fact, Fact | None]]:
    """What is seldom asked for, likewise."""
    fixed = run.fixed
    test = None if fixed.is_test is None else "yes" if fixed.is_test else "no"
    attempts = None if run.attempt_count is None else formatting.count(run.attempt_count)
    region = None if _is_name(fixed.region) else fixed.region
    return _present(
        (_fact("attempts", attempts), _fact("test", test, "test ")),
        (_fact("env", fixed.environment), _fact("kind", fixed.task_kind, "kind ")),
        (_fact("region", region), None),
        (_fact("costs", _parts_of_cost(run)), None),
        (_fact("batch", fixed.batch_id), None),
        (_fact("key", fixed.idempotency_key), None),
    )


def _is_name(region: str | None) -> bool:
    """Whether a region is told by a name, `eu-central-1`: where code runs on a developer's machine it is an id."""
    return region is not None and "-" in region


def _present(*pairs: tuple["Fact | None", "Fact | None"]) -> list[tuple[Fact, Fact | None]]:
    """Those that are known; where the first is not, the second stands alone."""
    found: list[tuple[Fact, Fact | None]] = []
    for first, second in pairs:
        if first is not None:
            found.append((first, second))
        elif second is not None:
            found.append((second, None))
    return found


def fact_rows(facts: Iterable[tuple[Fact, Fact | None]], limit: int, *, is_wrapped: bool) -> list[Row]:
    """Facts in rows of at most `limit` cells."""
    rows: list[Row] = []
    for first, second in facts:
        if second is not None and (line := _beside(first, second, limit)) is not None:
            rows.append(Row(line, ("fact", first.label)))
            continue
        rows += _rows(first, limit, is_wrapped=is_wrapped)
        if second is not None:
            rows += _rows(second, limit, is_wrapped=is_wrapped)
    return rows


def tag_rows(run: Run, limit: int) -> list[Row]:
    """The tags in rows of at most `limit` cells."""
    if run.state is None or not run.state.tags:
        return []
    lines = labelled("tags", [(Piece(tag),) for tag in run.state.tags], limit)
    return [Row(line, ("tags", index)) for index, line in enumerate(lines)]


def _fact(label: str, value: Raw | str | None, word: str = "") -> Fact | None:
    return None if value is None else Fact(label, value or '""', word)


def _cost(run: Run) -> str | None:
    return None if run.state is None else formatting.cost(run.state.cost_cents + run.state.base_cost_cents)


def _parts_of_cost(run: Run) -> str | None:
    state = run.state
    if state is None or state.cost_cents <= 0 or state.base_cost_cents <= 0:
        return None
    return f"{formatting.cost(state.cost_cents)} computing, {formatting.cost(state.base_cost_cents)} the start"


def _beside(first: Fact, second: Fact, limit: int) -> Line | None:
    """Both in one row, or None where there is no room for that."""
    value: Line = (_label(first.label), Piece(first.value))
    other: Line = (Piece(second.word, Token.FAINT), Piece(second.value, Token.MUTED))
    value = pad(value, max(LABEL + _BESIDE, line_width(value) + _GAP))
    return (*value, *other) if line_width(value) + line_width(other) <= limit else None


def _rows(fact: Fact, limit: int, *, is_wrapped: bool) -> list[Row]:
    room = limit - LABEL
    label, key = _label(fact.label), ("fact", fact.label)
    # A key of a megabyte is not measured: as many characters as surely fill the rows are.
    reach = room * WRAPPED_ROWS + 1
    value: Line = (Piece(fact.value[:reach]),)
    if line_width(value) <= room:
        return [Row((label, *value), key)]
    act = Whole(ValuePath(fact.label, ()))
    if not is_wrapped:
        return [Row((label, *cut(value, room)), key, act)]
    lines = fold(value, room)
    if len(lines) > WRAPPED_ROWS or len(fact.value) > reach:
        *whole, last = lines[:WRAPPED_ROWS]
        lines = [*whole, (*cut((*last, Piece(" ")), room - 1), Piece("…"))]
    return [Row(((label if not index else _label("")), *line), (*key, index), act) for index, line in enumerate(lines)]


def _label(text: str) -> Piece:
    return Piece(f"{text:<{LABEL}}", Token.FAINT)


@dataclass(frozen=True, slots=True)
class Relatives:
    """What the store knows of the runs around one. `children` is None where they were not read."""

    root: Run | None = None
    parent: Run | None = None
    children: Sequence[Run] | None = None


def ancestor_rows(run: Run, around: Relatives, now: Now, limit: int) -> list[Row]:
    """Root and parent in rows of at most `limit` cells that lead to them; a parent that is the root once."""
    rows: list[Row] = []
    task = _task_width([around.root, around.parent], limit)
    fixed = run.fixed
    if fixed.root_id is not None and fixed.root_id != fixed.parent_id:
        rows.append(_relative("root", fixed.root_id, around.root, now, task, limit))
    if fixed.parent_id is not None:
        rows.append(_relative("parent", fixed.parent_id, around.parent, now, task, limit))
    return rows


def child_rows(around: Relatives, now: Now, limit: int, unfolded: frozenset[Hashable]) -> list[Row]:
    """How many children there are by status, and rows that lead to them, failed ones first, then what lives.

    Of more than ten that are alike one row tells, unless it is `unfolded`; failed ones fold from fifty on.
    """
    if around.children is None:
        return []
    if not around.children:
        return [Row((_label("children"), Piece("none", Token.FAINT)), "children")]
    groups: dict[StatusStyle, list[Run]] = {}
    for child in around.children:
        groups.setdefault(look_of(child), []).append(child)
    order = sorted(groups, key=lambda look: (not look.is_bold, groups[look][0].is_final))
    summary: list[Line] = [(Piece(formatting.count(len(around.children))),)]
    summary += [
        (look.mark, Piece(f" {formatting.count(len(groups[look]))} ", Token.MUTED), look.name) for look in order
    ]
    rows = [Row(line, ("children", index)) for index, line in enumerate(labelled("children", summary, limit))]
    task = _task_width(around.children, limit)
    for look in order:
        rows += _group(look, groups[look], now, task, limit, unfolded)
    return rows


def _task_width(runs: Iterable[Run | None], limit: int) -> int:
    """So that the ids of these runs stand below each other, and below what stands beside a fact."""
    widest = max((cell_len(run.fixed.task or formatting.NONE) for run in runs if run is not None), default=0)
    return max(1, min(max(widest, _BESIDE - 4), _TASK, limit - LABEL - 15))


def _relative(label: str, run_id: RunId, run: Run | None, now: Now, task: int, limit: int) -> Row:
    act: Act = Open(run_id)
    if run is None:
        return Row((_label(label), *cut((Piece(run_id),), limit - LABEL)), (label, run_id), act)
    look = look_of(run)
    name = fit((Piece(run.fixed.task or formatting.NONE, look.row.task),), task)
    until = now.frozen_at or now.at
    is_frozen = now.frozen_at is not None and not run.is_final
    ran = took(run, until)
    lasted = Piece(formatting.duration(ran, frozen=is_frozen and ran is not None), look.row.took)
    line = (_label(label), look.mark, Piece(" "), *name, Piece("  "), *fit(short_id(run_id, Token.FAINT), 11))
    longer = (*line, Piece("  "), *pad((lasted,), 7, "right"))
    return Row(cut(longer if line_width(longer) <= limit else line, limit), (label, run_id), act)


def _group(
    look: StatusStyle, runs: Sequence[Run], now: Now, task: int, limit: int, unfolded: frozenset[Hashable]
) -> list[Row]:
    key: Hashable = ("children", look.word)
    shown = len(runs) if key in unfolded or len(runs) <= _ALIKE else _FAILED_SHOWN if look.is_bold else 0
    rows = [_relative("", run.id, run, now, task, limit) for run in runs[:shown]]
    if len(runs) > _ALIKE and (key in unfolded or shown < len(runs)):
        mark = "▾ " if key in unfolded else "▸ "
        count = formatting.count(len(runs) - (shown if look.is_bold and key not in unfolded else 0))
        more = " more" if 0 < shown < len(runs) else ""
        head: Line = (
            _label(""),
            Piece(mark, Token.FAINT),
            look.mark,
            Piece(f" {count}{more} ", Token.MUTED),
            look.name,
        )
        row = Row(cut(head, limit), key, Toggle(key))
        rows = [*rows, row] if more else [row, *rows]
    return rows
