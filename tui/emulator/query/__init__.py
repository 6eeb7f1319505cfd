"""TRQL: questions about the runs in SQL, as `POST /api/v1/query` takes them.

What lives here: `Queries`, which answers them for one world. Below it: `tokens`, `terms`, `expressions` and `selects`
read a query and write it anew for SQLite, `columns` and `schema` say what it may speak of, `functions` and
`registered` what it may call, `copy` is the table. What a request and its answer look like is the routes' matter.
"""

import asyncio
from datetime import UTC, datetime

from tui.emulator.query.copy import Copy
from tui.emulator.query.selects import Window, translated
from tui.emulator.query.tokens import QueryRefused
from tui.emulator.simulation.script import Json
from tui.emulator.world import World

__all__ = ["Queries", "QueryRefused", "told"]

LAST_MS = 253_402_300_799_999
LIMIT_S = 2.0
ROWS_MOST = 10_000
"""More rows than these are cut off silently, as the server does."""

LONGEST_MS = 30 * 86_400_000
"""No query sees runs that were triggered earlier than so long ago, whatever it asks for (recordings 2615, 2619)."""


class Queries:
    """Answers the queries about a world. `limit_s`: how long one may take.

    The world must not move in another thread while a method begins.
    """

    def __init__(self, world: World, *, limit_s: float = LIMIT_S, rows_most: int = ROWS_MOST) -> None:
        self._agenda = world.agenda
        self._ledger = world.ledger
        self._copy = Copy(world)
        self._limit_s = limit_s
        self._rows_most = rows_most
        self._followed_ms = world.now_ms
        self.late_ms = 0
        """So old the table may be when a query reads it, beside what the ledger's copy is late."""

    async def follow(self) -> None:
        """Bring the table in step. Every answer begins with it; called now and then it keeps each of them short."""
        self._note()
        await asyncio.to_thread(self._copy.follow)

    async def answer(
        self, query: str, *, from_ms: int | None = None, to_ms: int | None = None
    ) -> tuple[list[str], list[list[Json]]]:
        """The names of the columns, and the rows.

        `from_ms`, `to_ms`: the trigger times that a query sees which says nothing about them itself. Raises
        QueryRefused with the words of a 400.
        """
        readable = query.encode("utf-8", "replace").decode()
        window = Window(told(self._needed(from_ms)), told(to_ms), told(self._needed(self._agenda.now_ms - LONGEST_MS)))
        translation = translated(readable, told(self._agenda.now_ms)[:19], window)
        self._note()
        return await asyncio.to_thread(self._copy.read, translation, limit_s=self._limit_s, rows_most=self._rows_most)

    def _note(self) -> None:
        if self._agenda.now_ms - self._followed_ms >= self.late_ms:
            self._followed_ms = self._agenda.now_ms
            self._copy.note()

    def _needed(self, from_ms: int | None) -> int | None:
        """A lower bound, or None where no run is older: comparing each row's time would take long for nothing."""
        oldest = next(iter(self._ledger), None)
        return from_ms if from_ms is not None and oldest is not None and oldest.created_ms < from_ms else None

    def close(self) -> None:
        """Give the memory back; a query that runs ends first."""
        self._copy.close()


def told(ms: int | None) -> str:
    """A moment as TRQL tells it, `2026-11-24 14:12:45.434`; "" for None. What no calendar has is told as its end."""
    if ms is None:
        return ""
    ms = max(0, min(ms, LAST_MS))
    return datetime.fromtimestamp(ms // 1000, UTC).strftime("%Y-%m-%d %H:%M:%S.") + f"{ms % 1000:03d}"
