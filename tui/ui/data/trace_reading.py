"""Reads the trace of a run for the waterfall, and places its spans in slices, so that no key waits for it."""

import asyncio
from collections.abc import Iterator

from tui.domain.ids import RunId
from tui.domain.traces.extent import extents_of
from tui.domain.traces.longest_path import longest_path
from tui.domain.traces.row_tree import RowTreeBuilder
from tui.domain.traces.span import Trace
from tui.domain.traces.waterfall import WaterfallBuilder
from tui.session import Session
from tui.sources.budget import Priority
from tui.ui.model.waterfall.reading import PlacedTrace, TraceReading
from tui.ui.model.waterfall.view import known_ends_of


async def read_trace(session: Session, run_id: RunId) -> TraceReading:
    """Read the trace of a run. Raises `ApiError`."""
    began_s = session.clock.monotonic_s()
    trace = await session.fetcher.fetch_trace(run_id, Priority.SELECTED)
    placed = None if trace is None else await _placed(session, trace)
    ended_s = session.clock.monotonic_s()
    return TraceReading(placed, ended_s - began_s, ended_s)


async def _placed(session: Session, trace: Trace) -> PlacedTrace:
    builder = WaterfallBuilder(trace)
    await _in_slices(builder.slices())
    waterfall = builder.waterfall()
    tree = RowTreeBuilder(waterfall, with_engine=False)
    await _in_slices(tree.slices())
    known = known_ends_of(waterfall, session.store.get)
    extents = extents_of(waterfall, known.get)
    await asyncio.sleep(0)
    path = longest_path(waterfall, extents)
    await asyncio.sleep(0)
    return PlacedTrace(waterfall, tree.tree(), extents, path, known)


async def _in_slices(slices: Iterator[None]) -> None:
    for _ in slices:
        await asyncio.sleep(0)
