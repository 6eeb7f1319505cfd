"""The time axis that all attempts of a run share. Waiting is dashed, and a running attempt is a bar.

The finest step is half a cell. A bar is at least that long, however short its attempt was.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final

from tui.lazy_dataclass import dataclass
from tui.present.styled import Line, Piece, Token

_MS: Final = timedelta(milliseconds=1)
_SCALE_MS: Final = (
    *(digit * 10**power for power in range(4) for digit in (1, 2, 5)),
    *(seconds * 1000 for seconds in (10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200)),
)
_DAY_MS: Final = 86_400_000
_TICK_CELLS: Final = 12
"""Cells between two labels of the axis."""


def round_up(span: timedelta) -> timedelta:
    """Return the next round time span, so that the axis keeps its length while a run goes on."""
    ms = max(1, -(-span // _MS))
    return next(_scale(ms)) * _MS


def _scale(min_ms: int) -> Iterator[int]:
    """Yield round numbers of milliseconds from `min_ms` up, without end."""
    yield from (step for step in _SCALE_MS if step >= min_ms)
    days = 1
    while True:
        for digit in (1, 2, 5):
            if digit * days * _DAY_MS >= min_ms:
                yield digit * days * _DAY_MS
        days *= 10


@dataclass(frozen=True, slots=True)
class Axis:
    """A span of time in `width` cells. Moments outside of it are drawn at its ends."""

    begin: datetime
    span: timedelta
    width: int

    def bar(
        self, waited_from: datetime | None, started_at: datetime | None, ended_at: datetime | None, token: Token
    ) -> Line:
        """Return exactly `width` cells: dashes from `waited_from` to the start, then the bar in `token`.

        Without an end only the wait is drawn. Without a start the line is empty.
        """
        if started_at is None:
            return (Piece(" " * self.width),)
        start = min(self._half(started_at), 2 * self.width - 1)
        waited = start if waited_from is None else min(self._half(waited_from), start)
        first_dash, first_cell = -(-waited // 2), start // 2
        if ended_at is None:
            first_cell = -(-self._half(started_at) // 2)
            body = ""
        else:
            body = self._body(start, max(start + 1, self._half(ended_at)))
        first_dash = min(first_dash, first_cell)
        rest = self.width - first_cell - len(body)
        pieces = (
            Piece(" " * first_dash),
            Piece("╌" * (first_cell - first_dash), Token.FAINT),
            Piece(body, token),
            Piece(" " * rest),
        )
        return tuple(piece for piece in pieces if piece.text)

    def labels(self) -> Line:
        """Return round times above their cells, starting with `0s`."""
        min_step_ms = max(1, self.span * _TICK_CELLS // max(self.width, 1) // _MS)
        step = next(_scale(min_step_ms)) * _MS
        text, at = "", timedelta()
        while at <= self.span:
            cell = self._half(self.begin + at) // 2
            label = _label(at // _MS)
            if cell + len(label) > self.width:
                break
            text = text.ljust(cell) + label
            at += step
        return (Piece(text, Token.FAINT),)

    def _half(self, at: datetime) -> int:
        """Return the distance of a moment from the left, in half cells."""
        if self.span <= timedelta():
            return 0
        return max(0, min(2 * self.width, round((at - self.begin) / self.span * 2 * self.width)))

    @staticmethod
    def _body(start: int, end: int) -> str:
        """Return the cells of a bar between two half cells; the second is exclusive."""
        left = "╺" if start % 2 else ""
        right = "╸" if end % 2 else ""
        return left + "━" * (end // 2 - -(-start // 2)) + right


def _label(ms: int) -> str:
    """Return `0s` `500ms` `1.5s` `15s` `1m` `1m30s` `2h`: the shortest form of a round time."""
    if ms and ms < 1000:
        return f"{ms}ms"
    if ms < 60_000:
        return f"{ms / 1000:g}s"
    sizes = ((_DAY_MS, "d"), (3_600_000, "h"), (60_000, "m"), (1000, "s"))
    parts = []
    for size, unit in sizes:
        number, ms = divmod(ms, size)
        if number:
            parts.append(f"{number}{unit}")
    return "".join(parts[:2])
