"""A screen of a relay reads traces and spans as calls of the relay."""

import asyncio
from pathlib import Path

from tests.support.relay import relay_setup, screen_on
from tests.support.ui.traces import CHECKOUT, checkout_fleet, traces_read
from tui.domain.run import RunId
from tui.features.tree.waterfall import REST_S, fetch_trace, span_key, span_reads
from tui.text.blocks import ReadStage
from tui.text.styled import plain


def test_waterfall_of_a_relay_is_read_by_a_call(tmp_path: Path) -> None:
    async def scenario() -> None:
        fleet = checkout_fleet()
        async with relay_setup(fleet, tmp_path) as setup, screen_on(setup) as screen:
            await setup.run_until(lambda: len(screen.store))
            reading = asyncio.ensure_future(fetch_trace(screen, RunId(CHECKOUT.id), None))
            await setup.run_until(reading.done)
            placed = (await reading).value
            assert placed is not None
            assert len(placed.waterfall.run_spans) == 3
            assert len(traces_read(fleet)) == 1
            read: list[None] = []
            spans, span = span_reads(screen, lambda: read.append(None)), placed.waterfall.spans[0]
            spans.follow(span)
            assert spans.stage is ReadStage.DUE
            await setup.run_for(REST_S * 2)
            await setup.run_until(lambda: bool(read))
            found = spans.of(span_key(span))
            assert found is not None
            assert plain(found) == '{ bucket: "receipts-eu", part: { number: 3 } }'

    asyncio.run(scenario())
