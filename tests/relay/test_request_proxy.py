"""Answers on their way to screens: how much of them a relay holds at once."""

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from starlette.responses import Response

from tests.support.fleet import Fleet, FleetRun
from tests.support.relay import relaying
from tests.support.virtual_clock import VirtualClock
from tui.config import Secret
from tui.domain.ids import RunId
from tui.relay import request_proxy as calls
from tui.relay.request_proxy import RequestProxy
from tui.sources.relay.handshake import LARGEST_MESSAGE
from tui.wire.read_requests import RunRequest
from tui.wire.relay.messages import CallResponse, decode_relay_message, numbered

RUNS = [FleetRun(number, -60, -55, -50) for number in (1, 2)]


def status(answer: bytes) -> int:
    told = decode_relay_message(b"".join(numbered(1, answer)))
    assert isinstance(told, CallResponse)
    return told.response.status


def test_answers_that_nobody_takes_are_held_up_to_a_bound_and_equal_ones_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scenario() -> None:
        fleet = Fleet(VirtualClock())
        fleet.add_all(RUNS)
        one, another = (RunRequest(RunId(run.id)) for run in RUNS)
        async with relaying(fleet, tmp_path) as relayed, asyncio.timeout(20):
            desk = RequestProxy(relayed.session.fetcher, relayed.session.clock, Secret("tr_dev_of_somebody_else"))
            async with desk.answered(one) as answer:
                monkeypatch.setattr(calls, "MOST_LEAVING", len(answer))
            async with AsyncExitStack() as screens:
                answers = await asyncio.gather(*(screens.enter_async_context(desk.answered(one)) for _ in range(5)))
                assert [status(answer) for answer in answers] == [200] * 5
                assert desk.leaving_bytes == len(answers[0])
                async with desk.answered(another) as answer:
                    assert status(answer) == 503
            assert desk.leaving_bytes == 0
            async with desk.answered(another) as answer:
                assert status(answer) == 200

    asyncio.run(scenario())


def test_an_answer_that_no_screen_takes_in_is_not_passed_on(tmp_path: Path) -> None:
    # JSON writes a control character as six.
    binary = b"\x01" * (LARGEST_MESSAGE // 6)

    async def scenario() -> None:
        fleet = Fleet(VirtualClock())
        fleet.add_all(RUNS)
        async with relaying(fleet, tmp_path) as relayed, asyncio.timeout(20):
            fleet.fault = lambda path: Response(binary) if path.startswith("/api/v3/runs/") else None
            desk = RequestProxy(relayed.session.fetcher, relayed.session.clock, Secret("tr_dev_of_somebody_else"))
            answer = await desk.answer(RunRequest(RunId(RUNS[0].id)))
            assert status(answer) == 502
            assert len(answer) < LARGEST_MESSAGE

    asyncio.run(scenario())
