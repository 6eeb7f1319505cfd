"""The first frame: header, the rule of the list, its column titles and `loading…`.

It appears before Textual is imported, in a third of the time that Textual needs for its own first frame. Only what
needs no widget and no response is shown; the app's frames then change the cells that differ.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from rich.segment import Segment

from tui.domain.run import Run
from tui.features.runs.columns import RUN_TABLE
from tui.kit.colors import LineStyler
from tui.kit.header_words import HeaderFacts, header_line
from tui.kit.layout import is_too_small, list_width
from tui.kit.words import RuleText, Tab, rule_line
from tui.settings.settings import Settings
from tui.store.freshness import Freshness, Level
from tui.text.formatting import LOADING
from tui.text.styled import Line, Piece, Token
from tui.text.table import SizedColumn

_GUTTER: Final = Piece("  ")


def first_frame(
    settings: Settings, styler: LineStyler, size: tuple[int, int], now: datetime, *, has_list: bool = True
) -> list[list[Segment]]:
    """Return the rows of the frame; none for a terminal that is too small.

    Without `has_list`, for the wall, only the header is drawn.
    """
    width, height = size
    if is_too_small(width, height):
        return []
    facts = HeaderFacts(
        at=now.astimezone(settings.zone),
        freshness=Freshness(Level.CONNECTING),
        api_url=settings.api_url,
        branch=settings.branch,
        is_read_only=not settings.may_write or settings.read_only.forbids(None, is_production=True),
        is_relayed=settings.relay_url is not None,
        is_slow_link=settings.link.slow == "always",
    )
    header = header_line(facts, width, is_colorless=styler.is_colorless)
    if not has_list:
        return [styler.segments(line, width) for line in (header, *[()] * (height - 1))]
    list_cells = list_width(width, height)
    rule = rule_line(RuleText((Tab(1, "runs"),), is_focused=True), list_cells, is_colorless=styler.is_colorless)
    titles = (_GUTTER, *RUN_TABLE.head(_columns(settings, list_cells)))
    rows: list[Line] = [header, rule, titles, (), (_GUTTER, Piece(LOADING, Token.MUTED))]
    return [styler.segments(line, width) for line in (*rows, *[()] * (height - len(rows)))]


def _columns(settings: Settings, list_cells: int) -> Sequence[SizedColumn[Run]]:
    """Return the columns of the config file, or the default ones."""
    if columns := settings.columns.filled:
        from tui.features.columns import words  # noqa: PLC0415  few users have some

        chosen = words.columns_of_file(columns)[0].get(words.RUNS)
        if chosen is not None:
            return words.chosen_columns(RUN_TABLE, chosen.shown, list_cells)
    return RUN_TABLE.slots(list_cells)
