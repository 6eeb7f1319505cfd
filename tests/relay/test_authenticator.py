"""Who is let in, by which token, over which line; and what one screen may ask."""

import asyncio
import json
import ssl
from pathlib import Path
from types import SimpleNamespace

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from tests.support.fleet import Fleet, FleetRun
from tests.support.relay import TOKEN, TOKENS, Relayed, hear, hear_until, on_screen, relaying
from tests.support.virtual_clock import VirtualClock
from tui.config import Secret
from tui.domain.ids import RunId
from tui.domain.source_names import RELAY
from tui.domain.update import SourceConnected, SourceRetrying, SourceStopped
from tui.relay import RelayOptions, Tokens
from tui.relay.authenticator import MAX_REFUSALS_SAID, SAID_AGAIN_AFTER_S, Authenticator
from tui.relay.request_proxy import AT_ONCE, CALLS_PERIOD_S, MOST_CALLS
from tui.relay.server import LARGEST_QUESTION
from tui.session import Session
from tui.wire.read_requests import RunRequest
from tui.wire.relay.messages import VERSION, Call, CallResponse, Hello, RelayMessage, Welcome, encode_screen_message

CERTIFICATE = Path(__file__).parent.parent / "wire" / "loopback.pem"
RUN = FleetRun(1, -9, -8)
DESK = "fedcba9876543210-of-the-desk"
BOTH = Tokens((("wall", Secret(TOKEN)), ("desk", Secret(DESK))))


def nothing() -> Fleet:
    return Fleet(VirtualClock())


def one_run() -> Fleet:
    fleet = nothing()
    fleet.add(RUN)
    return fleet


def is_connected(screen: Session) -> bool:
    return isinstance(screen.store.source_statuses.get(RELAY), SourceConnected)


async def refused(relayed: Relayed, **how: object) -> tuple[int, str]:
    """Status and words of the answer to who is not let in."""
    with pytest.raises(InvalidStatus) as caught:
        async with relayed.raw(**how):  # type: ignore[arg-type]  # whatever a client may do
            pass
    response = caught.value.response
    return response.status_code, json.loads(response.body or b"")["error"]


async def end_of(line: ClientConnection) -> tuple[int, str]:
    """How the relay closed it."""
    with pytest.raises(ConnectionClosed) as caught:
        while True:
            await hear(line)
    assert caught.value.rcvd is not None
    return caught.value.rcvd.code, caught.value.rcvd.reason


@pytest.mark.parametrize("token", ["", "x", TOKEN[:-1], f"{TOKEN}x", TOKEN.upper()])
def test_a_wrong_token_is_refused_and_told_once(tmp_path: Path, token: str) -> None:
    async def scenario() -> None:
        async with relaying(nothing(), tmp_path) as relayed:
            for _ in range(3):
                assert await refused(relayed, token=token) == (401, "no token, or one that is not known")
            assert relayed.said == ["a screen at 127.0.0.1 was refused: no token, or one that is not known"]

    asyncio.run(scenario())


def test_refusals_are_reported_ten_times_a_minute_in_all() -> None:
    clock, said = VirtualClock(), list[str]()
    door = Authenticator(BOTH, clock, said.append)

    def knock(number: int) -> None:
        line = SimpleNamespace(remote_address=(f"127.0.{number // 256}.{number % 256}", 1))
        door.tell_refusal(line, "no token")  # type: ignore[arg-type]  # all that it looks at

    for number in range(5000):
        knock(number)
    assert len(said) == MAX_REFUSALS_SAID
    asyncio.run(clock.run(SAID_AGAIN_AFTER_S))
    knock(5000)
    assert said[MAX_REFUSALS_SAID:] == [
        "4,990 more screens were refused",
        "a screen at 127.0.19.136 was refused: no token",
    ]


def test_a_screen_with_a_wrong_token_ends_with_words_that_name_the_variable(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with relaying(nothing(), tmp_path) as relayed, on_screen(relayed, f"{TOKEN}-of-yesterday") as screen:
            await relayed.until(lambda: isinstance(screen.store.source_statuses.get(RELAY), SourceStopped))
            status = screen.store.source_statuses[RELAY]
            assert isinstance(status, SourceStopped)
            assert status.status == 401
            assert "TRIGGER_TUI_RELAY_TOKEN" in status.reason
            assert TOKEN not in status.reason

    asyncio.run(scenario())


def test_a_token_in_the_address_is_none_and_a_page_of_a_browser_is_no_screen(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with relaying(nothing(), tmp_path) as relayed:
            assert (await refused(relayed, headers={"Authorization": ""}))[0] == 401
            relayed.path = f"/?token={TOKEN}"
            assert (await refused(relayed, headers={"Authorization": ""}))[0] == 404
            relayed.path = ""
            with pytest.raises(InvalidStatus) as caught:
                async with relayed.raw(origin="https://evil.example"):
                    pass
            assert caught.value.response.status_code == 403

    asyncio.run(scenario())


def test_a_screen_too_much_waits_for_a_place(tmp_path: Path) -> None:
    async def scenario() -> None:
        only_one = RelayOptions(max_screens=1)
        async with (
            relaying(nothing(), tmp_path, tokens=BOTH, options=only_one) as relayed,
            on_screen(relayed, DESK) as first,
        ):
            await relayed.until(lambda: is_connected(first))
            async with on_screen(relayed) as second:
                await relayed.until(lambda: isinstance(second.store.source_statuses.get(RELAY), SourceRetrying))
                status = second.store.source_statuses[RELAY]
                assert isinstance(status, SourceRetrying)
                assert "1 screens already" in status.reason
                relayed.relay.use(TOKENS)
                await relayed.until(lambda: is_connected(second))

    asyncio.run(scenario())


def test_a_withdrawn_token_ends_its_screens_and_no_others(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with (
            relaying(nothing(), tmp_path, tokens=BOTH) as relayed,
            on_screen(relayed) as wall,
            on_screen(relayed, DESK) as desk,
        ):
            await relayed.until(lambda: is_connected(wall) and is_connected(desk))
            relayed.relay.use(Tokens((("desk", Secret(DESK)),)))
            await relayed.until(lambda: isinstance(wall.store.source_statuses[RELAY], SourceStopped))
            assert is_connected(desk)

    asyncio.run(scenario())


def test_a_token_withdrawn_before_the_first_word_lets_nobody_in(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with relaying(nothing(), tmp_path, tokens=BOTH) as relayed:
            headers = {"Authorization": f"Bearer {DESK}"}
            async with connect(relayed.url, additional_headers=headers, proxy=None) as line:
                relayed.relay.use(TOKENS)
                await line.send(encode_screen_message(Hello(VERSION, "a test")), text=True)
                assert await end_of(line) == (4002, "the token was withdrawn")

    asyncio.run(scenario())


def test_another_version_is_refused_in_words_that_name_both(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with relaying(nothing(), tmp_path) as relayed, relayed.raw(version=VERSION + 1) as line:
            code, reason = await end_of(line)
            assert code == 4001
            assert f"version {VERSION}" in reason
            assert f"version {VERSION + 1}" in reason

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("message", "code"),
    [(b"{", 4000), (b"[" * 60_000, 4000), (b'{"kind":"hello","v":1,"program":""}', 4000), (b"x" * 70_000, 1009)],
    ids=["no JSON", "no bottom", "a second hello", "too large"],
)
def test_what_cannot_be_read_ends_that_screen_alone(tmp_path: Path, message: bytes, code: int) -> None:
    assert LARGEST_QUESTION < 70_000

    async def scenario() -> None:
        async with relaying(one_run(), tmp_path) as relayed, relayed.raw() as bad, on_screen(relayed) as good:
            assert isinstance(await hear(bad), Welcome)
            await bad.send(message, text=True)
            assert (await end_of(bad))[0] == code
            await relayed.until(lambda: is_connected(good))
            assert len(good.store) == 1

    asyncio.run(scenario())


def test_a_screen_may_ask_so_much_and_then_has_to_wait(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with relaying(one_run(), tmp_path) as relayed, relayed.raw() as line:
            assert isinstance(await hear(line), Welcome)

            async def ask(first: int, count: int) -> list[int]:
                for number in range(first, first + count):
                    await line.send(encode_screen_message(Call(number, RunRequest(RunId(RUN.id)))), text=True)
                statuses: dict[int, int] = {}

                def is_all(message: RelayMessage) -> bool:
                    if isinstance(message, CallResponse):
                        statuses[message.number] = message.response.status
                        if message.response.status == 429:
                            assert 0 < json.loads(message.response.body)["secondsUntilReset"] <= CALLS_PERIOD_S
                    return len(statuses) == count

                await hear_until(line, is_all)
                return [statuses[number] for number in sorted(statuses)]

            assert (await ask(0, AT_ONCE + 4)).count(429) == 4
            # At once, since what several ask at once is one request: the relay has a budget too.
            bursts = [await ask(100 * number, AT_ONCE) for number in (1, 2, 3)]
            assert [burst.count(200) for burst in bursts] == [AT_ONCE, AT_ONCE, MOST_CALLS - 3 * AT_ONCE]
            assert bursts[-1][-1] == 429
            await relayed.later(CALLS_PERIOD_S + 1)
            assert await ask(500, 1) == [200]

    asyncio.run(scenario())


# --- TLS


def tls() -> RelayOptions:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE)
    return RelayOptions(tls=context)


def test_over_tls_a_screen_that_knows_the_authority_is_like_any_other(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with (
            relaying(one_run(), tmp_path, options=tls()) as relayed,
            on_screen(relayed, ca=CERTIFICATE) as screen,
        ):
            assert relayed.url.startswith("wss:")
            await relayed.until(lambda: is_connected(screen))
            run, _ = await screen.run_with_attempts(RunId(RUN.id))
            assert run.body is not None

    asyncio.run(scenario())


def test_a_certificate_that_nobody_trusts_is_refused_with_words(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with relaying(nothing(), tmp_path, options=tls()) as relayed, on_screen(relayed) as screen:
            await relayed.until(lambda: isinstance(screen.store.source_statuses.get(RELAY), SourceStopped))
            status = screen.store.source_statuses[RELAY]
            assert isinstance(status, SourceStopped)
            assert "certificate" in status.reason
            assert "not trusted" in status.reason
            assert relayed.relay.screens == ()
            assert TOKENS.names == {"wall"}

    asyncio.run(scenario())
