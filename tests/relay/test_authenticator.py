"""Which screens may connect, how many requests one may make, and the file of tokens."""

import asyncio
import hmac
import json
import os
import ssl
from pathlib import Path
from types import SimpleNamespace

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from tests.support.fleet import Fleet, FleetRun
from tests.support.relay import TOKEN, TOKENS, RelaySetup, receive, receive_until, relay_setup, screen_on
from tests.support.virtual_clock import VirtualClock
from tui.api.lists import RUN as RUN_READ
from tui.api.relay import VERSION, Call, CallResponse, Hello, RelayMessage, Welcome, encode_screen_message
from tui.domain.run import RELAY
from tui.domain.update import SourceConnected, SourceRetrying, SourceStopped
from tui.relay.server import (
    CALLS_PERIOD_S,
    MAX_CALLS,
    MAX_CALLS_IN_FLIGHT,
    MAX_REFUSALS_LOGGED,
    MAX_REQUEST_BYTES,
    REFUSAL_PERIOD_S,
    Authenticator,
    RelayOptions,
    Tokens,
    TokensError,
    read_tokens,
)
from tui.settings.secret import Secret
from tui.sync.session import Session

CERTIFICATE = Path(__file__).parent.parent / "wire" / "loopback.pem"
RUN = FleetRun(1, -9, -8)
DESK = "fedcba9876543210-of-the-desk"
BOTH = Tokens((("wall", Secret(TOKEN)), ("desk", Secret(DESK))))


def empty_fleet() -> Fleet:
    return Fleet(VirtualClock())


def one_run() -> Fleet:
    fleet = empty_fleet()
    fleet.add(RUN)
    return fleet


def is_connected(screen: Session) -> bool:
    return isinstance(screen.store.source_statuses.get(RELAY), SourceConnected)


async def refusal(setup: RelaySetup, **options: object) -> tuple[int, str]:
    """Connect, and return the status and the error of the refusal."""
    with pytest.raises(InvalidStatus) as caught:
        async with setup.connect(**options):  # type: ignore[arg-type]  # any option of a client
            pass
    response = caught.value.response
    return response.status_code, json.loads(response.body or b"")["error"]


async def close_reason(socket: ClientConnection) -> tuple[int, str]:
    """Wait for the end of the connection, and return its close code and reason."""
    with pytest.raises(ConnectionClosed) as caught:
        while True:
            await receive(socket)
    assert caught.value.rcvd is not None
    return caught.value.rcvd.code, caught.value.rcvd.reason


@pytest.mark.parametrize("token", ["", "x", TOKEN[:-1], f"{TOKEN}x", TOKEN.upper()])
async def test_wrong_token_is_refused_and_logged_once(tmp_path: Path, token: str) -> None:
    async with relay_setup(empty_fleet(), tmp_path) as setup:
        for _ in range(3):
            assert await refusal(setup, token=token) == (401, "the token is missing or unknown")
        assert setup.log_lines == ["a screen at 127.0.0.1 was refused: the token is missing or unknown"]


def test_ten_refusals_are_logged_a_minute() -> None:
    clock, log = VirtualClock(), list[str]()
    authenticator = Authenticator(BOTH, clock, log.append)

    def refuse(number: int) -> None:
        connection = SimpleNamespace(remote_address=(f"127.0.{number // 256}.{number % 256}", 1))
        authenticator.log_refusal(connection, "no token")  # type: ignore[arg-type]  # it reads only the address

    for number in range(5000):
        refuse(number)
    assert len(log) == MAX_REFUSALS_LOGGED
    asyncio.run(clock.run(REFUSAL_PERIOD_S))
    refuse(5000)
    assert log[MAX_REFUSALS_LOGGED:] == [
        "4,990 more requests were refused",
        "a screen at 127.0.19.136 was refused: no token",
    ]


async def test_screen_with_a_wrong_token_names_the_variable(tmp_path: Path) -> None:
    async with relay_setup(empty_fleet(), tmp_path) as setup, screen_on(setup, f"{TOKEN}-of-yesterday") as screen:
        await setup.run_until(lambda: isinstance(screen.store.source_statuses.get(RELAY), SourceStopped))
        status = screen.store.source_statuses[RELAY]
        assert isinstance(status, SourceStopped)
        assert status.status == 401
        assert "TRIGGER_TUI_RELAY_TOKEN" in status.reason
        assert TOKEN not in status.reason


async def test_token_in_the_url_and_browsers_are_refused(tmp_path: Path) -> None:
    async with relay_setup(empty_fleet(), tmp_path) as setup:
        assert (await refusal(setup, headers={"Authorization": ""}))[0] == 401
        setup.path = f"/?token={TOKEN}"
        assert (await refusal(setup, headers={"Authorization": ""}))[0] == 404
        setup.path = ""
        with pytest.raises(InvalidStatus) as caught:
            async with setup.connect(origin="https://evil.example"):
                pass
        assert caught.value.response.status_code == 403


async def test_screen_beyond_the_limit_connects_once_another_left(tmp_path: Path) -> None:
    only_one = RelayOptions(max_screens=1)
    async with (
        relay_setup(empty_fleet(), tmp_path, tokens=BOTH, options=only_one) as setup,
        screen_on(setup, DESK) as first,
    ):
        await setup.run_until(lambda: is_connected(first))
        async with screen_on(setup) as second:
            await setup.run_until(lambda: isinstance(second.store.source_statuses.get(RELAY), SourceRetrying))
            status = second.store.source_statuses[RELAY]
            assert isinstance(status, SourceRetrying)
            assert "already serves 1 screen, its maximum" in status.reason
            setup.relay.replace_tokens(TOKENS)
            await setup.run_until(lambda: is_connected(second))


async def test_revoked_token_disconnects_its_screens_alone(tmp_path: Path) -> None:
    async with (
        relay_setup(empty_fleet(), tmp_path, tokens=BOTH) as setup,
        screen_on(setup) as wall,
        screen_on(setup, DESK) as desk,
    ):
        await setup.run_until(lambda: is_connected(wall) and is_connected(desk))
        setup.relay.replace_tokens(Tokens((("desk", Secret(DESK)),)))
        await setup.run_until(lambda: isinstance(wall.store.source_statuses[RELAY], SourceStopped))
        assert is_connected(desk)


async def test_token_revoked_before_the_hello_is_refused(tmp_path: Path) -> None:
    async with relay_setup(empty_fleet(), tmp_path, tokens=BOTH) as setup:
        headers = {"Authorization": f"Bearer {DESK}"}
        async with connect(setup.url, additional_headers=headers, proxy=None) as socket:
            setup.relay.replace_tokens(TOKENS)
            await socket.send(encode_screen_message(Hello(VERSION, "a test")), text=True)
            assert await close_reason(socket) == (4002, "the token was revoked")


@pytest.mark.parametrize(
    ("message", "code"),
    [
        (b"{", 4000),
        (b"[" * 60_000, 4000),
        (b'{"kind":"hello","v":1,"program":""}', 4000),
        (b"x" * 70_000, 1009),
        (b'{"kind":"call","number":1,"request":{"kind":"query","trql":"SELECT * FROM queue_metrics"}}', 4000),
    ],
    ids=["no JSON", "no bottom", "a second hello", "too large", "a query of its own"],
)
async def test_unreadable_message_disconnects_that_screen_alone(tmp_path: Path, message: bytes, code: int) -> None:
    assert MAX_REQUEST_BYTES < 70_000

    async with relay_setup(one_run(), tmp_path) as setup, setup.connect() as bad, screen_on(setup) as good:
        assert isinstance(await receive(bad), Welcome)
        await bad.send(message, text=True)
        assert (await close_reason(bad))[0] == code
        await setup.run_until(lambda: is_connected(good))
        assert len(good.store) == 1


async def test_screen_beyond_its_call_allowance_gets_a_429(tmp_path: Path) -> None:
    async with relay_setup(one_run(), tmp_path) as setup, setup.connect() as socket:
        assert isinstance(await receive(socket), Welcome)

        async def call(first: int, count: int) -> list[int]:
            for number in range(first, first + count):
                await socket.send(encode_screen_message(Call(number, RUN_READ.request(RUN.id))), text=True)
            statuses: dict[int, int] = {}

            def has_all(message: RelayMessage) -> bool:
                if isinstance(message, CallResponse):
                    statuses[message.number] = message.response.status
                    if message.response.status == 429:
                        assert 0 < json.loads(message.response.body)["secondsUntilReset"] <= CALLS_PERIOD_S
                return len(statuses) == count

            await receive_until(socket, has_all)
            return [statuses[number] for number in sorted(statuses)]

        assert (await call(0, MAX_CALLS_IN_FLIGHT + 4)).count(429) == 4
        # All at once, since identical requests in flight are sent once: the relay has a budget too.
        bursts = [await call(100 * number, MAX_CALLS_IN_FLIGHT) for number in (1, 2, 3)]
        assert [burst.count(200) for burst in bursts] == [
            MAX_CALLS_IN_FLIGHT,
            MAX_CALLS_IN_FLIGHT,
            MAX_CALLS - 3 * MAX_CALLS_IN_FLIGHT,
        ]
        assert bursts[-1][-1] == 429
        await setup.run_for(CALLS_PERIOD_S + 1)
        assert await call(500, 1) == [200]


# --- TLS


def tls_options() -> RelayOptions:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE)
    return RelayOptions(tls=context)


async def test_untrusted_certificate_stops_the_screen(tmp_path: Path) -> None:
    async with relay_setup(empty_fleet(), tmp_path, options=tls_options()) as setup, screen_on(setup) as screen:
        await setup.run_until(lambda: isinstance(screen.store.source_statuses.get(RELAY), SourceStopped))
        status = screen.store.source_statuses[RELAY]
        assert isinstance(status, SourceStopped)
        assert "certificate" in status.reason
        assert "not trusted" in status.reason
        assert not setup.relay.clients


WALL_TOKEN = "0123456789abcdef-wall"
DESK_TOKEN = "0123456789abcdef-desk"


def written(tmp_path: Path, text: str, mode: int = 0o600) -> Path:
    path = tmp_path / "tokens"
    path.write_text(text, encoding="utf-8")
    path.chmod(mode)
    return path


def tokens_of(tmp_path: Path, text: str) -> Tokens:
    return read_tokens(written(tmp_path, text))


def test_line_has_a_token_or_a_name_and_a_token(tmp_path: Path) -> None:
    known = tokens_of(tmp_path, f"# the wall\n\nwall {WALL_TOKEN}  # by the door\n{DESK_TOKEN}\n")
    assert known.name_of(f"Bearer {WALL_TOKEN}") == "wall"
    assert known.name_of(f"bearer  {DESK_TOKEN} ") == "line 4"


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        WALL_TOKEN,
        f"Basic {WALL_TOKEN}",
        f"Bearer {WALL_TOKEN}x",
        f"Bearer {WALL_TOKEN[:-1]}",
        "Bearer \ud800é",
    ],
)
def test_other_header_has_no_name(tmp_path: Path, header: str | None) -> None:
    assert tokens_of(tmp_path, f"wall {WALL_TOKEN}\n").name_of(header) is None


def test_token_is_compared_with_all_in_constant_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    known = tokens_of(tmp_path, f"wall {WALL_TOKEN}\ndesk {DESK_TOKEN}\n")
    compared: list[tuple[object, object]] = []
    digest = hmac.compare_digest

    def recording(first: bytes, second: bytes) -> bool:
        compared.append((first, second))
        return digest(first, second)

    monkeypatch.setattr(hmac, "compare_digest", recording)
    for given in (WALL_TOKEN, DESK_TOKEN, "x"):
        compared.clear()
        known.name_of(f"Bearer {given}")
        assert compared == [(WALL_TOKEN.encode(), given.encode()), (DESK_TOKEN.encode(), given.encode())]


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o602, 0o644, 0o610])
def test_token_file_open_to_others_is_refused(tmp_path: Path, mode: int) -> None:
    path = written(tmp_path, f"{WALL_TOKEN}\n", mode)
    with pytest.raises(TokensError, match="chmod 600"):
        read_tokens(path)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "has no token"),
        ("# nothing\n", "has no token"),
        ("short\n", "line 1: a token needs at least 16"),
        (f"wall {WALL_TOKEN}\nwall {DESK_TOKEN}\n", "line 2"),
        (f"wall {WALL_TOKEN}\ndesk {WALL_TOKEN}\n", "line 2"),
        (f"the wall {WALL_TOKEN}\n", "line 1: expected a token, or a name and a token"),
        (f"wäll {WALL_TOKEN}\n", "other than ASCII"),
    ],
)
def test_bad_token_file_is_refused_without_quoting_it(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(TokensError, match=words) as caught:
        tokens_of(tmp_path, text)
    assert not any(token in str(caught.value) for token in (WALL_TOKEN, DESK_TOKEN, "short"))


def test_token_may_contain_a_hash(tmp_path: Path) -> None:
    known = tokens_of(tmp_path, f"wall {WALL_TOKEN}#of-{DESK_TOKEN}  # by the door\n")
    assert known.name_of(f"Bearer {WALL_TOKEN}") is None
    assert known.name_of(f"Bearer {WALL_TOKEN}#of-{DESK_TOKEN}") == "wall"


def test_path_that_is_not_a_file_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe", 0o600)  # it has no writer
    for path in (tmp_path, tmp_path / "nothing", tmp_path / "pipe"):
        with pytest.raises(TokensError):
            read_tokens(path)
    large = written(tmp_path, "#" * 2_000_000)
    with pytest.raises(TokensError, match="larger than"):
        read_tokens(large)


def test_tokens_are_not_in_their_repr(tmp_path: Path) -> None:
    known = tokens_of(tmp_path, f"wall {WALL_TOKEN}\n")
    assert WALL_TOKEN not in f"{known} {known!r}"
