"""The texts of the rule above the list of groups, and the sentences in place of an empty list."""

from typing import Final

from tui.lazy_dataclass import dataclass
from tui.present import formatting
from tui.present.key_words import tries_again
from tui.present.styled import Line, Piece, Token, wrap

WIDE: Final = 96
"""From this width on, the rule says whether all failed runs were read."""

_MAX_WIDTH: Final = 96
_DOT: Final = Piece(" · ", Token.MUTED)


@dataclass(frozen=True, slots=True)
class GroupsRead:
    """How far the failed runs of the span were read. `failure` and `state_problem` are sentences, or empty.

    * `known_count`: the failed runs that are known by their ids; None before the first answer
    * `read_count`: those of them whose error is known
    * `failed_count`: the server's number of failed runs; None if it is not known
    * `unreadable_count`: failed runs whose error could not be read
    * `has_all`: every failed run is known by its id
    * `failure`: why reading waits or stopped
    * `state_problem`: why states are not known
    """

    known_count: int | None = None
    read_count: int = 0
    failed_count: int | None = None
    unreadable_count: int = 0
    has_all: bool = False
    failure: str = ""
    state_problem: str = ""

    @property
    def is_complete(self) -> bool:
        """Whether the error of every failed run is known."""
        return self.has_all and self.read_count == self.known_count


def groups_left(span_words: str, order: str, typed: str) -> Line:
    """Return the typed filter, the span, and the order."""
    filtered = (_DOT, Piece(f"/{typed}", Token.TEXT)) if typed else ()
    return (*filtered, _DOT, Piece(span_words, Token.MUTED), _DOT, Piece(order, Token.MUTED))


def groups_right(read: GroupsRead, shown: int, known: int, above: int, width: int) -> Line:
    """Return `171 failed runs, all read · 8 groups`. `above` groups have appeared above the window."""
    runs = reading_words(read, is_wide=width >= WIDE)
    if not runs:
        return ()
    groups = (
        formatting.plural(shown, "group") if shown == known else f"{shown:,} of {formatting.plural(known, 'group')}"
    )
    line: Line = (*runs, _DOT, Piece(groups, Token.TEXT))
    return (*line, _DOT, Piece(f"{above:,} above", Token.ACCENT)) if above else line


def reading_words(read: GroupsRead, *, is_wide: bool) -> Line:
    """Return `171 failed runs, all read`, or `120 of 171 read`; `≥171` where more may have failed."""
    known = read.known_count
    if known is None:
        return ()
    if read.is_complete:
        noun = f"{'failed ' if is_wide else ''}run{'' if known == 1 else 's'}{', all read' if is_wide else ''}"
        return (Piece(formatting.count(known), Token.TEXT), Piece(f" {noun}", Token.MUTED))
    failed = formatting.count(
        known if read.failed_count is None else read.failed_count, at_least=read.failed_count is None
    )
    # The count is amber, too: a rule that is too narrow for the reason omits it.
    token = Token.AMBER if read.failure else Token.TEXT
    words = (Piece(f"{formatting.count(read.read_count)} of {failed} read", token),)
    return (*words, _DOT, Piece(read.failure, Token.AMBER)) if is_wide and read.failure else words


def empty_groups_lines(
    read: GroupsRead, span_words: str, width: int, *, is_filtered: bool, is_stale: bool
) -> list[Line]:
    """Return the sentences in place of an empty list, in lines of at most `width` cells."""
    lines: list[Line] = [()]
    for text, token in _sentences(read, span_words, is_filtered=is_filtered, is_stale=is_stale):
        lines += [(Piece(row, token),) for row in wrap(text, min(max(width, 20), _MAX_WIDTH))]
        lines.append(())
    return lines[:-1]


def _sentences(read: GroupsRead, span_words: str, *, is_filtered: bool, is_stale: bool) -> list[tuple[str, Token]]:
    if is_filtered:
        return [("No groups match. Esc clears the filter.", Token.TEXT)]
    known = read.known_count
    if known == 0 and read.has_all:
        known_words = ", as far as is known" if is_stale else ""
        return [(f"No run failed in the {span_words}{known_words}.", Token.TEXT)]
    found: list[tuple[str, Token]] = []
    if read.failure:
        found.append((f"{read.failure[:1].upper()}{read.failure[1:].rstrip('.')}.{tries_again()}", Token.BRIGHT))
    if known:
        failed = formatting.plural(known if read.failed_count is None else read.failed_count, "failed run")
        found.append((f"reading {failed}, {formatting.count(read.read_count)} so far", Token.MUTED))
    elif not read.failure:
        found.append((formatting.LOADING, Token.MUTED))
    return found
