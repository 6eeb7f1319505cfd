"""The parts of the wall: rows, each with its target of Enter, in blocks that stand below and beside each other."""

from collections.abc import Callable, Hashable
from dataclasses import field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from tui.domain.ids import RunId
from tui.domain.run import Run
from tui.lazy_dataclass import dataclass
from tui.present.actions.row_actions import GoToRun, ListRuns
from tui.present.styled import Line
from tui.present.wall.look import WallLook
from tui.store.findings.board import Board, FourLines
from tui.store.findings.failing import FailingNow


class Band(StrEnum):
    """The background of a row: none, or the colour of the worst finding, of an amber one, of a new one."""

    NONE = "none"
    FAILING = "failing"
    AMBER = "amber"
    NEW = "new"


Opened = ListRuns | GoToRun


class BlockRow(NamedTuple):
    """A row of a block. `key` identifies its subject from one board to the next; None: the cursor passes it."""

    line: Line = ()
    band: Band = Band.NONE
    key: Hashable = None
    opens: Opened | None = None


class WallTarget(NamedTuple):
    """Where the cursor may stand: row `y`, from cell `left` to `right`."""

    y: int
    left: int
    right: int
    key: Hashable
    opens: Opened


class WallPage(NamedTuple):
    """All rows of the wall below its header, and the places of the cursor, from top to bottom."""

    rows: tuple[BlockRow, ...]
    targets: tuple[WallTarget, ...] = ()


class BlockCache:
    """Keeps the rows of blocks that depend on the board alone: a tick makes them again only for another board."""

    def __init__(self) -> None:
        self._kept: dict[str, tuple[Board, Hashable, list[BlockRow]]] = {}

    def rows(self, name: str, board: Board, key: Hashable, make: Callable[[], list[BlockRow]]) -> list[BlockRow]:
        """Return the rows of a block: those of the last call, if the board is the same object and the key is equal."""
        kept = self._kept.get(name)
        if kept is None or kept[0] is not board or kept[1] != key:
            kept = self._kept[name] = board, key, make()
        return kept[2]


@dataclass(frozen=True, slots=True)
class WallView:
    """Everything that the wall shows.

    * `now`: the server's time, in the zone of the screen.
    * `heard_at`: when list or feed answered last, None before the first answer.
    * `is_known`: that is not too long ago.
    * `newest`: the newest failed run. `day`: the last 24 hours in cells of 20 minutes; None: not read.
    * `spent`: the part of the request limit that everybody has spent, from 0 to 1; None: not known.
    * `fresh`: the identities of findings that are new on the screen.
    * `is_earlier`: the shown time has ended.
    """

    board: Board
    now: datetime
    look: WallLook = field(default_factory=WallLook)
    failing: FailingNow = field(default_factory=FailingNow)
    heard_at: datetime | None = None
    is_known: bool = False
    newest: Run | None = None
    day: FourLines | None = None
    spent: float | None = None
    fresh: frozenset[Hashable] = frozenset()
    is_earlier: bool = False
    is_slow_link: bool = False
    cache: BlockCache = field(default_factory=BlockCache)

    @property
    def is_loading(self) -> bool:
        """Whether the server has not answered yet."""
        return self.heard_at is None

    @property
    def is_stale(self) -> bool:
        """Whether the last answer is too old."""
        return self.heard_at is not None and not self.is_known

    @property
    def block_key(self) -> Hashable:
        """What decides how a block looks that depends on the board, beside the board itself."""
        minute = self.now.replace(second=0, microsecond=0)
        return self.look, self.is_known, self.heard_at is None, self.is_earlier, minute

    @property
    def timers_at(self) -> datetime:
        """The time of running durations: they stand still while the server is silent."""
        return self.heard_at if self.is_stale and self.heard_at is not None else self.now

    def since(self, at: datetime) -> timedelta:
        """Return for how long something lasts."""
        return max(timedelta(), self.timers_at - at)


def run_target(run_id: RunId | None, filter_text: str) -> Opened:
    """Return the target of a row about one run: the run, or the runs of a filter if it is not known."""
    return ListRuns(filter_text) if run_id is None else GoToRun(run_id)
