"""The run that the panes beside the list are about, and how far reading it got.

`Selection` is the value that the panes receive. `SelectionLoader` fetches it: when the cursor has rested, and again
when the run changes, but never for a pane that is hidden.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from tui.domain.ids import RunId
from tui.domain.source_names import FEEDS
from tui.domain.tree import RunTree, TreeNode
from tui.domain.update import SourceRetrying
from tui.session import Session
from tui.store.changes import Changes, Topic
from tui.ui.data.coalesced_fetch import REREAD_AFTER_S, CoalescedFetch
from tui.ui.model.staleness import MAY_WAIT, has_lost_a_wait, is_alone, is_live, is_trace_behind
from tui.wire.errors import ApiError

REST_S: Final = 0.15
"""The cursor has come to rest: nobody reads while it flies."""

READS_AT_MOST: Final = 6
READS_WITHIN_S: Final = 6.0
HELD_REST_S: Final = 0.6
"""After so many runs in so long the cursor has to rest longer: a held key with a read at each stop would take all
requests, and the list would go stale.
"""

TREE_REST_S: Final = 0.5
"""A tree costs several requests: it is read for a run that is looked at."""

TREE_AGAIN_S: Final = 15.0
"""Between two reads of a tree in which something lives."""

DETAIL_AGAIN_S: Final = 15.0
"""Between two reads of a run whose code runs or waits: which of the two it does, its trace alone tells."""

MOST_OF_BUDGET: Final = 0.2
"""Of the requests that the session may send, each of these reads takes at most so many, and is less often for it."""

HUNG_AFTER: Final = timedelta(seconds=2)
"""A read that is out for longer is given up when somebody asks anew: its answer may never come."""

CATCH_UPS_S: Final = (1.0, 2.0, 4.0)
"""A trace comes later than the end of its run: so long apart it is read again when it does not tell that end yet."""


@dataclass(frozen=True, slots=True)
class Selection:
    """One run as the panes are to show it: what is being read now, since when, what could not be, and its tree.

    `is_list_end`: there is no run, because the cursor of the list is on the line below the last one.
    """

    run_id: RunId | None = None
    is_list_end: bool = False
    reading_since: datetime | None = None
    trouble: str | None = None
    tree: RunTree | None = None
    tree_since: datetime | None = None
    tree_read_at: datetime | None = None
    tree_trouble: str | None = None

    @property
    def is_reading(self) -> bool:
        """Whether the detail and the attempts are on their way."""
        return self.reading_since is not None

    @property
    def is_reading_tree(self) -> bool:
        """Whether the tree is on its way."""
        return self.tree_since is not None


class SelectionLoader:
    """Reads what the panes need of one run; `show` is called with every new `Selection`."""

    def __init__(self, session: Session, show: Callable[[Selection], None]) -> None:
        self._session = session
        self._show = show
        self._selection = Selection()
        self._detail = CoalescedFetch(session.clock, self._begin)
        self._tree = CoalescedFetch(session.clock, self._begin_tree)
        self._read_of: datetime | None = None
        self._read_at_s = 0.0
        self._chased: datetime | None = None
        self._catch_ups = iter(CATCH_UPS_S)
        self._was_down = False
        self._began_s: deque[float] = deque(maxlen=READS_AT_MOST)
        self._wants_tree = False
        self._wants_detail = False

    @property
    def selection(self) -> Selection:
        """What is shown now."""
        return self._selection

    def select(self, run_id: RunId | None, *, at_once: bool = False, is_list_end: bool = False) -> None:
        """Turn to a run (None: to none), and read it when the cursor rests, or at once."""
        if run_id != self._selection.run_id:
            self._drop()
            store = self._session.store
            if self._selection.run_id is not None:
                store.unpin([self._selection.run_id])
            if run_id is not None:
                store.pin([run_id])
                self._set(Selection(run_id))
            self._read_of = self._chased = None
            self._catch_ups = iter(CATCH_UPS_S)
        if run_id is None:
            self._set(Selection(is_list_end=is_list_end))
            return
        if at_once or self._read_of is None:
            self._plan(0.0 if at_once else self._rest_s())

    def _rest_s(self) -> float:
        """How long the cursor has to rest, longer after many reads: what is read for them is not read for the list."""
        began_s, now_s = self._began_s, self._session.clock.monotonic_s()
        is_held = len(began_s) == READS_AT_MOST and now_s - began_s[0] < READS_WITHIN_S
        return HELD_REST_S if is_held else REST_S

    def want(self, *, detail: bool, tree: bool) -> None:
        """Say what is seen: nothing else is read."""
        gains_detail, gains_tree = detail and not self._wants_detail, tree and not self._wants_tree
        self._wants_detail, self._wants_tree = detail, tree
        if self._selection.run_id is None:
            return
        if gains_detail and self._read_of is None:
            self._plan_detail(0.0)
        if gains_tree and self._selection.tree is None:
            self._plan_tree(0.0)

    def reread(self) -> None:
        """Read everything that is seen again, now."""
        selection, now = self._selection, self._session.now()
        if selection.run_id is not None:
            if selection.reading_since is not None and now - selection.reading_since > HUNG_AFTER:
                self._detail.give_up()
            if selection.tree_since is not None and now - selection.tree_since > HUNG_AFTER:
                self._tree.give_up()
            self._read_of = None
            self._plan(0.0)

    def on_changes(self, changes: Changes) -> None:
        """Read again what changed since it was read, and everything after an outage."""
        if Topic.SOURCES in changes.topics and self._is_back():
            self.reread()
            return
        run_id = self._selection.run_id
        if run_id is None or self._read_of is None:
            return
        run = self._session.store.get(run_id)
        if run_id not in changes.changed:
            if run is not None and has_lost_a_wait(run, changes, self._session.store.get):
                self._plan_detail(REREAD_AFTER_S)
            return
        if run is not None and run.state is not None and run.state.updated_at > self._read_of:
            self._plan(REREAD_AFTER_S)

    def tick(self) -> None:
        """A second has passed: read again what nobody tells of, what grows below a run and what its code does."""
        self._tick_detail()
        self._tick_tree()

    def _tick_detail(self) -> None:
        selection = self._selection
        if not self._wants_detail or selection.run_id is None or selection.is_reading or self._read_of is None:
            return
        run = self._session.store.get(selection.run_id)
        if run is None or run.state is None or run.state.started_at is None or run.status not in MAY_WAIT:
            return
        # The detail and the trace.
        if self._session.clock.monotonic_s() - self._read_at_s >= self._again_s(DETAIL_AGAIN_S, 2):
            self._plan_detail(0.0)

    def _tick_tree(self) -> None:
        selection = self._selection
        if (
            not self._wants_tree
            or selection.is_reading_tree
            or selection.tree is None
            or selection.tree_read_at is None
        ):
            return
        # Both ways: the clock is the server's, and may have been wrong when the tree was read.
        again = timedelta(seconds=self._again_s(TREE_AGAIN_S, 3))
        is_old = abs(self._session.now() - selection.tree_read_at) >= again
        if is_old and any(is_live(self._session.store.get(node.id), node) for node in selection.tree.root.walk()):
            self._plan_tree(0.0)

    def _again_s(self, least_s: float, requests: int) -> float:
        """How long to wait before a read that takes so many requests is repeated."""
        refill = self._session.budget.refill
        return max(least_s, requests * refill.period_s / (refill.share * MOST_OF_BUDGET))

    def _is_back(self) -> bool:
        """Whether the server answers again after it did not."""
        statuses = self._session.store.source_statuses.items()
        is_down = any(isinstance(status, SourceRetrying) for name, status in statuses if name not in FEEDS)
        is_back = self._was_down and not is_down
        self._was_down = is_down
        return is_back

    def close(self) -> None:
        """Stop everything."""
        self._drop()

    def _plan(self, delay_s: float) -> None:
        self._plan_detail(delay_s)
        self._plan_tree(max(delay_s, TREE_REST_S) if delay_s else 0.0)

    def _plan_detail(self, delay_s: float) -> None:
        if self._wants_detail:
            self._detail.plan(delay_s)

    def _plan_tree(self, delay_s: float) -> None:
        if self._wants_tree:
            self._tree.plan(delay_s)

    def _begin(self) -> asyncio.Task[None] | None:
        run_id = self._selection.run_id
        if run_id is None:
            return None
        self._began_s.append(self._session.clock.monotonic_s())
        self._set(replace(self._selection, reading_since=self._session.now()))
        return self._session.spawn(self._read(run_id), f"read {run_id}")

    async def _read(self, run_id: RunId) -> None:
        trouble: str | None = None
        try:
            run, trouble = await self._session.run_with_attempts(run_id)
            self._read_of = run.state.updated_at if run.state is not None else self._session.now()
            if is_trace_behind(run) and (wait_s := next(self._catch_ups, None)) is not None:
                self._plan_detail(wait_s)
        except ApiError as error:
            trouble = str(error)
            known = self._session.store.get(run_id)
            self._read_of = known.state.updated_at if known is not None and known.state else self._session.now()
        self._read_at_s = self._session.clock.monotonic_s()
        if self._selection.run_id == run_id:
            self._set(replace(self._selection, reading_since=None, trouble=trouble))
            self._detail.end()
            self._chase(run_id)

    def _chase(self, run_id: RunId) -> None:
        """Read again, once, a run that changed while it was read: what was read is of before."""
        run = self._session.store.get(run_id)
        if run is None or run.state is None or self._read_of is None:
            return
        changed_at = run.state.updated_at
        if changed_at > self._read_of and changed_at != self._chased:
            self._chased = changed_at
            self._plan(REREAD_AFTER_S)

    def _begin_tree(self) -> asyncio.Task[None] | None:
        run_id = self._selection.run_id
        if run_id is None:
            return None
        run = self._session.store.get(run_id)
        if run is not None and is_alone(run) and not self._session.store.children_of(run_id):
            node = TreeNode(run.id, 0, run.fixed.task, run.state.status if run.state else None, run)
            alone = replace(self._selection, tree=RunTree(node, run.id), tree_read_at=run.children_read_at)
            self._set(replace(alone, tree_since=None, tree_trouble=None))
            return None
        self._set(replace(self._selection, tree_since=self._session.now()))
        return self._session.spawn(self._read_tree(run_id), f"tree {run_id}")

    async def _read_tree(self, run_id: RunId) -> None:
        tree, trouble = self._selection.tree, None
        try:
            tree = await self._session.tree(run_id)
        except ApiError as error:
            trouble = str(error)
        if self._selection.run_id == run_id:
            now = self._session.now()
            self._set(replace(self._selection, tree=tree, tree_since=None, tree_trouble=trouble, tree_read_at=now))
            self._tree.end()

    def _drop(self) -> None:
        self._detail.drop()
        self._tree.drop()

    def _set(self, selection: Selection) -> None:
        if selection != self._selection:
            self._selection = selection
            self._show(selection)
