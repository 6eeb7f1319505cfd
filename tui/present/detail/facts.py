"""The facts of a run as a table, and their rows in the detail pane.

A new fact is one row of `FACTS`: the detail pane, `show` and `--json` all read the table.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Final

from tui.domain.run import Fixed, Run
from tui.domain.text import Raw
from tui.lazy_dataclass import dataclass
from tui.present import formatting
from tui.present.actions.row_actions import Row, ShowWhole
from tui.present.detail.holding import Situation, hold_words
from tui.present.detail.origin import origin_words
from tui.present.detail.waiting import token_of
from tui.present.json.rows import WRAPPED_ROWS, ValuePath
from tui.present.status import style_of
from tui.present.styled import Line, Piece, Token, cut, fold, line_width, pad
from tui.present.text_block import LABEL, labelled

MIN_VALUE_CELLS: Final = 15
"""A value takes at least this many cells, so that the facts beside it line up."""

_GAP: Final = 2

FactValue = Raw | str | int | None
"""The value of a fact as the API sends it. None: the run has no such value, or it is not known yet."""


@dataclass(frozen=True, slots=True)
class Fact:
    """A labelled value of a run.

    `word` introduces the value where it shares the line of the fact above it; without a word it has its own line.
    `remark` explains the label where one line has room for it, in `show`. `json_key` is the name in `--json`, empty
    where the value is not printed there. The detail pane shows a seldom needed fact below the payload and the output.
    A fact that lists of runs lack, but every read of a run has, keeps its place in the pane until the run was read.
    `seen` takes the place of `value` for a fact that depends on the time and on the run's queue.
    """

    label: str
    value: Callable[[Run], FactValue]
    word: str | None = None
    remark: str = ""
    json_key: str = ""
    is_seldom: bool = False
    is_in_lists: bool = True
    seen: Callable[[Run, Situation], FactValue] | None = None

    def text(self, run: Run, situation: Situation | None = None) -> Raw | str | None:
        """Return the value as text, or None where the run has no such value."""
        value = self.seen(run, situation) if self.seen is not None and situation is not None else self.value(run)
        if isinstance(value, bool):
            return "yes" if value else "no"
        if isinstance(value, int):
            return formatting.count(value)
        return '""' if value == "" else value


def _fixed(read: Callable[[Fixed], FactValue]) -> Callable[[Run], FactValue]:
    return lambda run: read(run.fixed)


def _unknown_status(run: Run) -> FactValue:
    return run.state.status.word if run.state is not None and style_of(run).glyph == "?" else None


def _replaced_status(run: Run) -> FactValue:
    return run.status.value if _unknown_status(run) is not None else None


def _is_region_name(region: str | None) -> bool:
    """`eu-central-1` is a name. A run on a developer's machine has an opaque id instead, which few people need."""
    return region is not None and "-" in region


def _named_region(run: Run) -> FactValue:
    return run.fixed.region if _is_region_name(run.fixed.region) else None


def _region_id(run: Run) -> FactValue:
    return None if _is_region_name(run.fixed.region) else run.fixed.region


def _cost(run: Run) -> FactValue:
    return None if run.state is None else formatting.cost(run.state.cost_cents + run.state.base_cost_cents)


def _cost_parts(run: Run) -> FactValue:
    state = run.state
    if state is None or state.cost_cents <= 0 or state.base_cost_cents <= 0:
        return None
    return f"{formatting.cost(state.cost_cents)}, and {formatting.cost(state.base_cost_cents)} for the start"


FACTS: Final[tuple[Fact, ...]] = (
    Fact("status", _unknown_status, remark="unknown to trigger-tui"),
    Fact("taken for", _replaced_status, "taken for "),
    Fact("waits", lambda _: None, seen=hold_words),
    Fact("version", _fixed(lambda fixed: fixed.version), json_key="version"),
    Fact("region", _named_region, "", json_key="region"),
    Fact("from", lambda run: origin_words(run.fixed) or None, is_in_lists=False),
    Fact("depth", _fixed(lambda fixed: fixed.depth), "depth ", json_key="depth"),
    Fact("token", token_of),
    Fact("queue", _fixed(lambda fixed: fixed.queue), json_key="queue"),
    Fact("machine", _fixed(lambda fixed: fixed.machine), "machine ", json_key="machine"),
    Fact("cost", _cost),
    Fact("ttl", _fixed(lambda fixed: fixed.ttl), "ttl ", json_key="ttl"),
    Fact("attempts", lambda run: run.attempt_count, json_key="attemptCount", is_seldom=True, is_in_lists=False),
    Fact("test", _fixed(lambda fixed: fixed.is_test), "test ", json_key="isTest", is_seldom=True),
    Fact("env", _fixed(lambda fixed: fixed.environment), remark="environment", json_key="env", is_seldom=True),
    Fact("kind", _fixed(lambda fixed: fixed.task_kind), "kind ", "task kind", json_key="taskKind", is_seldom=True),
    Fact("region", _region_id, json_key="region", is_seldom=True),
    Fact("compute", _cost_parts, is_seldom=True),
    Fact("batch", _fixed(lambda fixed: fixed.batch_id), json_key="batchId", is_seldom=True),
    Fact(
        "key",
        _fixed(lambda fixed: fixed.idempotency_key),
        remark="idempotency key",
        json_key="idempotencyKey",
        is_seldom=True,
    ),
)
"""Every fact of a run, in the order of the page."""


def fact_text(run: Run, label: str) -> Raw | str | None:
    """Return the whole text of the fact with this label, or None where the run has no such value."""
    texts = (fact.text(run) for fact in FACTS if fact.label == label)
    return next((text for text in texts if text is not None), None)


def fact_keys(run: Run) -> dict[str, FactValue]:
    """Return the raw values of all known facts by their names in `--json`."""
    return {fact.json_key: value for fact in FACTS if fact.json_key and (value := fact.value(run)) is not None}


def fact_lines(run: Run, limit: int, situation: Situation | None = None) -> list[Line]:
    """Return one line for each known fact, with its remark. A long value wraps at `limit` cells."""
    lines: list[Line] = []
    for fact in FACTS:
        if (text := fact.text(run, situation)) is not None:
            lines += labelled(fact.label, [(Piece(text),)], limit, remark=fact.remark)
    return lines


def fact_rows(
    run: Run,
    limit: int,
    *,
    is_seldom: bool,
    is_wrapped: bool,
    unread: str = formatting.NOT_READ,
    situation: Situation | None = None,
) -> list[Row]:
    """Return the facts needed often or seldom in rows of at most `limit` cells; short ones share a row.

    `unread` stands for facts that every read of a run has, before the first one.
    """
    rows: list[Row] = []
    for group in _grouped(run, (fact for fact in FACTS if fact.is_seldom is is_seldom), unread, situation):
        if len(group) > 1 and (line := _shared_line(group, limit)) is not None:
            rows.append(Row(line, ("fact", group[0][0].label)))
            continue
        for fact, text in group:
            rows += _own_rows(fact.label, text, limit, is_wrapped=is_wrapped)
    return rows


def tag_rows(run: Run, limit: int) -> list[Row]:
    """Return the tags in rows of at most `limit` cells."""
    if run.state is None or not run.state.tags:
        return []
    lines = labelled("tags", [(Piece(tag),) for tag in run.state.tags], limit)
    return [Row(line, ("tags", index)) for index, line in enumerate(lines)]


def _grouped(
    run: Run, facts: Iterable[Fact], unread: str, situation: Situation | None
) -> Iterator[list[tuple[Fact, Raw | str]]]:
    """Yield the known facts, those that may share a row together."""
    group: list[tuple[Fact, Raw | str]] = []
    for fact in facts:
        if fact.word is None and group:
            yield group
            group = []
        text = fact.text(run, situation)
        if text is None and run.body is None and not fact.is_in_lists:
            text = unread
        if text is not None:
            group.append((fact, text))
    if group:
        yield group


def _shared_line(group: list[tuple[Fact, Raw | str]], limit: int) -> Line | None:
    """Return the facts beside each other, or None where `limit` leaves no room for that."""
    (first, text), *others = group
    line: Line = (label_piece(first.label), Piece(text, Token.FAINT if text is formatting.NOT_READ else Token.TEXT))
    for column, (fact, other) in enumerate(others, start=1):
        line = pad(line, max(LABEL + column * MIN_VALUE_CELLS, line_width(line) + _GAP))
        line = (*line, Piece(fact.word or "", Token.FAINT), Piece(other, Token.MUTED))
    return line if line_width(line) <= limit else None


def _own_rows(label: str, text: Raw | str, limit: int, *, is_wrapped: bool) -> list[Row]:
    room = limit - LABEL
    key = ("fact", label)
    # An idempotency key may be a megabyte long. Do not measure more characters than can fill the rows.
    max_characters = room * WRAPPED_ROWS + 1
    value: Line = (Piece(text[:max_characters]),)
    if line_width(value) <= room:
        return [Row((label_piece(label), *value), key)]
    action = ShowWhole(ValuePath(label, ()))
    if not is_wrapped:
        return [Row((label_piece(label), *cut(value, room)), key, action)]
    lines = fold(value, room)
    if len(lines) > WRAPPED_ROWS or len(text) > max_characters:
        *kept, last = lines[:WRAPPED_ROWS]
        lines = [*kept, (*cut((*last, Piece(" ")), room - 1), Piece("…"))]
    return [
        Row((label_piece("" if index else label), *line), (*key, index), action) for index, line in enumerate(lines)
    ]


def label_piece(text: str) -> Piece:
    """Return a label, padded so that all values start in one column."""
    return Piece(f"{text:<{LABEL}}", Token.FAINT)
