"""Prints the rows of the table as they are measured, for a terminal or as Markdown."""

from collections.abc import Iterator, Sequence
from typing import Final

from tests.perf.figures.row import PEERS, Effort, Reading, Row

HEADINGS: Final = ("#", "figure", "goal", "measured", "", "bare Textual", *PEERS)
WIDTHS: Final = (3, 46, 22, 28, 6, 22, 20, 20, 20)


def lines(rows: Sequence[Row], effort: Effort, *, is_markdown: bool) -> Iterator[tuple[str, bool]]:
    """Yield the lines of the table, each as soon as it is measured, and whether it misses its goal."""
    yield _line(HEADINGS, is_markdown=is_markdown), False
    if is_markdown:
        yield f"|{'---|' * len(HEADINGS)}", False
    for row in rows:
        reading = row.measure(effort)
        yield _line(_cells(row, reading), is_markdown=is_markdown), reading.is_met is False


def _cells(row: Row, reading: Reading) -> tuple[str, ...]:
    verdict = {True: "met", False: "MISSED", None: "–"}[reading.is_met]
    others = (reading.peers.get(name, "") for name in PEERS)
    return (row.number, row.figure, row.goal, reading.measured, verdict, reading.bare, *others)


def _line(cells: Sequence[str], *, is_markdown: bool) -> str:
    if is_markdown:
        return f"| {' | '.join(cells)} |"
    return " ".join(cell.ljust(width) for cell, width in zip(cells, WIDTHS, strict=True)).rstrip()
