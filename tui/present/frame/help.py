"""The page of keys: groups in one or two columns, then what the statuses and the signs of the header mean.

This module is the layout. `help_table` has the rows; the caller passes the bindings that exist.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import zip_longest
from typing import Final

from tui.lazy_dataclass import dataclass
from tui.present.frame.header import COUNT_LETTERS, SLOW_LINK, SLOW_LINK_SENTENCE
from tui.present.frame.help_table import HELP_GROUPS, HelpRow
from tui.present.sparkline import spark
from tui.present.status import STATUS_STYLES
from tui.present.styled import Line, Piece, Token, line_width, pad, wrap
from tui.present.text_block import labelled
from tui.store.activity import Minute

MIN_WIDTH: Final = 40
MIN_TWO_COLUMNS: Final = 74
"""From this many cells on the groups stand in two columns."""

_KEY_CELLS: Final = 13
_GAP: Final = 1
_WIDE_GAP: Final = 3
_MIN_WIDE_COLUMN: Final = 50
_HAIRLINE: Final = (Piece(" │ ", Token.LINE),)
_SIGN_CELLS: Final = 10

_SENTENCES: Final = (
    (SLOW_LINK, f"{SLOW_LINK_SENTENCE} --no-slow turns this off."),
    ("alerts", "A new finding rings, shows a notice or runs a command, if [bell] of the config file says so."),
    ("away", "After ten minutes without a key, the next one shows what happened, and does nothing else."),
)
"""What no key is for."""

_LETTER_TOKENS: Final = {"P": Token.AMBER, "E": Token.BLUE, "✗": Token.ROSE}


@dataclass(frozen=True, slots=True)
class HelpKey:
    """One binding: its keys as they are spelled on screen, its word, and whether it does something here and now."""

    keys: tuple[str, ...]
    word: str
    works_here: bool = True


@dataclass(frozen=True, slots=True)
class _Entry:
    """One row of the page, with its keys in the order in which they are shown."""

    keys: tuple[str, ...]
    extra_keys: tuple[str, ...]
    text: str
    works_here: bool


def help_lines(bindings: Mapping[str, HelpKey], width: int) -> list[Line]:
    """Return the keys by purpose in lines of at most `width` cells (at least 40), in two columns where they fit.

    `bindings` is by id. Each key stands once; a key that does nothing here is faint in its place.
    """
    limit = max(width, MIN_WIDTH)
    is_split = limit >= MIN_TWO_COLUMNS
    column = (limit - line_width(_HAIRLINE)) // 2 if is_split else limit
    blocks = [_group_lines(*group, column) for group in _groups(bindings)]
    if not is_split:
        return [line for block in blocks for line in block]
    left, right = _balanced(blocks)
    lines = [(*pad(a, column), *_HAIRLINE, *b) for a, b in zip_longest(left[1:], right[1:], fillvalue=())]
    return [(), *lines]


def _groups(bindings: Mapping[str, HelpKey]) -> Iterator[tuple[str, str, list[_Entry]]]:
    """Yield title, remark and rows of each group that has rows."""
    unlisted = set(bindings)
    used_keys: set[str] = set()
    found = [(group, [_entries(row, bindings, unlisted) for row in group.rows]) for group in HELP_GROUPS]
    for _, rows in found:
        used_keys.update(key for row in rows for entry in row if entry.works_here for key in entry.keys)
    for group, rows in found:
        entries = [entry for row in rows for entry in row]
        if kept := list(_once(entries, used_keys)):
            yield group.title, group.remark, kept
    others = [_entry([key], key.word) for each, key in bindings.items() if each in unlisted and key.works_here]
    if kept := list(_once(others, used_keys)):
        yield "more", "", kept


def _entries(row: HelpRow, bindings: Mapping[str, HelpKey], unlisted: set[str]) -> list[_Entry]:
    ids = [
        each
        for pattern in row.ids
        for each in (bindings if pattern.endswith("*") else (pattern,))
        if each in bindings and (each == pattern or each.startswith(pattern[:-1]))
    ]
    unlisted.difference_update(ids)
    found = [bindings[each] for each in ids]
    if not row.text:
        return [_entry([each], each.word) for each in found]
    return [_entry(found, row.text)] if found else []


def _entry(bindings: Sequence[HelpKey], text: str) -> _Entry:
    """Return one row: the first keys of all bindings, then their second keys, while these fit the column."""
    shown: list[str] = []
    extra: list[str] = []
    for keys in zip_longest(*(binding.keys for binding in bindings)):
        more = list(dict.fromkeys(key for key in keys if key is not None and key not in shown))
        fits = len(" ".join((*shown, *more))) <= _KEY_CELLS
        (shown if fits or not shown else extra).extend(more)
    return _Entry(tuple(shown), tuple(extra), text, any(binding.works_here for binding in bindings))


def _once(entries: Sequence[_Entry], used_keys: set[str]) -> Iterator[_Entry]:
    """Yield rows that work here, and the others without the keys that another row has already."""
    for entry in entries:
        if entry.works_here:
            yield entry
        elif keys := tuple(key for key in entry.keys if key not in used_keys):
            used_keys.update(keys)
            yield _Entry(keys, (), entry.text, works_here=False)


def _balanced(blocks: Sequence[list[Line]]) -> tuple[list[Line], list[Line]]:
    """Split the blocks into two columns that differ least in height."""
    heights = [len(block) for block in blocks]
    split = min(range(1, len(blocks) + 1), key=lambda at: max(sum(heights[:at]), sum(heights[at:])), default=0)
    return [line for block in blocks[:split] for line in block], [line for block in blocks[split:] for line in block]


def _group_lines(title: str, remark: str, entries: Sequence[_Entry], width: int) -> list[Line]:
    head: Line = (Piece(title, Token.BRIGHT, is_bold=True),)
    lines: list[Line] = [(), (*head, Piece(f"  {remark}", Token.FAINT)) if remark else head]
    gap = _WIDE_GAP if width >= _MIN_WIDE_COLUMN else _GAP
    for entry in entries:
        token = Token.TEXT if entry.works_here else Token.FAINT
        keys = pad((Piece(" ".join(entry.keys), token, is_bold=entry.works_here),), _KEY_CELLS + gap)
        text = f"{entry.text}; also {' '.join(entry.extra_keys)}" if entry.extra_keys else entry.text
        lines += _beside(keys, text, token, width)
    return lines


def _beside(head: Line, text: str, token: Token, width: int) -> list[Line]:
    """Put a text to the right of its head, and wrap it there at `width` cells."""
    cells = line_width(head)
    first, *others = wrap(text, width - cells)
    blank = Piece(" " * cells)
    return [(*head, Piece(first, token)), *((blank, Piece(row, token)) for row in others)]


@dataclass(frozen=True, slots=True)
class Sign:
    """A sign of the header as it is drawn there, and its meaning."""

    mark: Piece
    sentence: str


def header_signs(*, is_colorless: bool = False) -> tuple[Sign, ...]:
    """Return the letters and the bars of the header, in its order."""
    plain_bar, some_failed, most_failed = spark([Minute(8, 0), Minute(8, 1), Minute(8, 8)], by_shape=is_colorless)
    return (
        *(Sign(_letter(letter), f"{meaning.capitalize()}.") for letter, meaning in COUNT_LETTERS),
        Sign(plain_bar, "The runs that were created in a minute. The tallest bar is the busiest minute."),
        Sign(some_failed, "Some of them failed."),
        Sign(most_failed, "Most of them failed."),
    )


def legend_lines(width: int, *, is_colorless: bool = False) -> list[Line]:
    """Return statuses, signs of the header, and what else no key is for, in lines of at most `width` cells."""
    limit = max(width, MIN_WIDTH)
    statuses: list[Line] = [(style.mark, Piece(" "), style.name) for style in STATUS_STYLES.values()]
    lines: list[Line] = [(), *labelled("status", statuses, limit), ()]
    for index, sign in enumerate(header_signs(is_colorless=is_colorless)):
        label = Piece(f"{'' if index else 'header':<{_SIGN_CELLS}}", Token.FAINT)
        lines += _beside((label, sign.mark, Piece("  ")), sign.sentence, Token.MUTED, limit)
    for name, sentence in _SENTENCES:
        lines += [(), *_beside((Piece(f"{name:<{_SIGN_CELLS}}", Token.FAINT),), sentence, Token.MUTED, limit)]
    return lines


def _letter(letter: str) -> Piece:
    token = _LETTER_TOKENS.get(letter, Token.MUTED)
    return Piece(letter, token, is_bold=token is Token.ROSE)
