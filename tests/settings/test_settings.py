"""Precedence and validation of settings, and the secrecy of keys."""

import base64
import copy
import json
import traceback
from typing import Any

import pytest

from tests.support.session import public_token
from tui.settings.schema import DEFAULT_INTERVAL_S
from tui.settings.secret import Secret, SettingsError
from tui.settings.settings import MIN_PUBLIC_INTERVAL_S, Settings, read_relay_settings, read_settings

KEY = "tr_dev_abcdefghijklmnop"


def read(environ: dict[str, str] | None = None, **flags: Any) -> Settings:
    return read_settings({"TRIGGER_SECRET_KEY": KEY} | (environ or {}), **flags)


def token(payload: bytes) -> str:
    return f"eyJhbGciOiJIUzI1NiJ9.{base64.urlsafe_b64encode(payload).decode().rstrip('=')}.c2ln"


@pytest.mark.parametrize(
    "url",
    ["localhost:3030", "ftp://host", "http://", "http://host:0", "http://host:99999", "http://host:x", "http://[::1",
     "localhost", "https://u:p@host", "https://host?x=1", "https://host/#x", "https://a host", "https://host:65536"],
)  # fmt: skip
@pytest.mark.parametrize("is_flag", [True, False])
def test_invalid_address_is_rejected_with_its_origin(url: str, is_flag: bool) -> None:
    with pytest.raises(SettingsError, match="--api-url" if is_flag else "TRIGGER_API_URL") as caught:
        read({} if is_flag else {"TRIGGER_API_URL": url}, api_url=url if is_flag else None)
    assert "u:p" not in str(caught.value)


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("tr_pat_abcdefghijklmnop", "personal access token"),
        ("tr_dev_abc def", "characters"),
        ("tr_dev_abc\u200bdef", "characters"),
        ("tr_dev_“abc”", "characters"),
    ],
)
def test_wrong_kind_of_key_is_rejected_and_not_shown(key: str, words: str) -> None:
    with pytest.raises(SettingsError, match=words) as caught:
        read_settings({"TRIGGER_SECRET_KEY": key})
    assert key not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_key_names_the_type_of_its_environment() -> None:
    for key, kind in ((" tr_dev_x\n", "DEVELOPMENT"), ("tr_prod_x", "PRODUCTION"), ("tr_other", None)):
        secret = read({"TRIGGER_SECRET_KEY": key}).key
        assert (secret.reveal(), secret.environment_type) == (key.strip(), kind)


@pytest.mark.parametrize(
    ("scopes", "may_write"),
    [
        ((), False),
        (("read:runs",), False),
        (("read:runs:run_1", "read:all"), False),
        (("read:runs", "write:runs"), True),
        (("write:runs:run_1",), True),
        (("admin",), True),
        (("administrate",), False),
    ],
)
def test_public_token_may_do_what_its_scopes_allow(scopes: tuple[str, ...], may_write: bool) -> None:
    settings = read({"TRIGGER_SECRET_KEY": public_token(*scopes).reveal()})
    assert settings.key.is_public
    assert settings.key.scopes == scopes
    assert settings.may_write is may_write
    assert not read({"TRIGGER_SECRET_KEY": settings.key.reveal()}, read_only=True).may_write


@pytest.mark.parametrize(
    "payload",
    [b"", b"{", b"[]", b"null", b'"x"', b"{}", b'{"scopes": "admin"}', b'{"scopes": {"admin": 1}}', b'{"scopes": [1]}',
     b"\xff\xfe", b"[" * 200_000, b'{"scopes": null}'],
)  # fmt: skip
def test_token_with_unreadable_scopes_may_write_nothing(payload: bytes) -> None:
    secret = Secret(token(payload))
    assert secret.is_public
    assert secret.scopes == ()
    assert not secret.may_write


def test_secret_key_may_write_unless_read_only() -> None:
    assert (read().may_write, read().key.is_public) == (True, False)
    assert (read(read_only=True).may_write, read(read_only=True).origin("read_only")) == (False, "--read-only")


BRANCHES = ("TRIGGER_PREVIEW_BRANCH", "VERCEL_GIT_COMMIT_REF", "TRIGGER_DEV_BRANCH")


@pytest.mark.parametrize("first", range(3))
def test_branch_comes_from_the_first_variable_of_the_sdk(first: int) -> None:
    settings = read({variable: f"from-{variable}" for variable in BRANCHES[first:]})
    assert settings.branch == f"from-{BRANCHES[first]}"
    assert settings.origin("branch") == BRANCHES[first]


@pytest.mark.parametrize("branch", ["a\nb", "a\x1b[2J", "fe\u0301te"])
@pytest.mark.parametrize("variable", BRANCHES)
def test_invalid_branch_is_rejected_with_its_variable(variable: str, branch: str) -> None:
    with pytest.raises(SettingsError, match=variable):
        read({variable: branch})


@pytest.mark.parametrize(
    ("is_public", "asked_s", "interval_s"),
    [
        (False, None, DEFAULT_INTERVAL_S),
        (False, 0.0, 0.5),
        (True, None, MIN_PUBLIC_INTERVAL_S),
        (True, 2.0, MIN_PUBLIC_INTERVAL_S),
        (True, 60.0, 60.0),
    ],
)
def test_interval_is_at_least_the_minimum_of_the_key(is_public: bool, asked_s: float | None, interval_s: float) -> None:
    environ = {"TRIGGER_SECRET_KEY": public_token("read:runs").reveal()} if is_public else {}
    settings = read(environ, interval=asked_s)
    assert settings.interval_s == interval_s
    assert settings.origin("interval") == ("default" if asked_s is None else "--interval")


def fails_with(kept: object) -> str:
    """Return a traceback with all local variables."""
    try:
        raise LookupError(kept)  # noqa: TRY301  for the frame that it leaves
    except LookupError as error:
        return "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())


@pytest.mark.parametrize("key", [KEY, public_token("read:runs").reveal()], ids=["a secret key", "a public token"])
def test_key_is_in_no_text_but_the_revealed_one(key: str) -> None:
    settings = read({"TRIGGER_SECRET_KEY": key})
    secret = settings.key
    kept = (secret, settings, {"key": secret}, copy.copy(secret), settings.origins)
    texts = [*map(repr, kept), *map(str, kept), f"{secret!s:>60}", "%s %r" % (secret, secret), fails_with(kept)]  # noqa: UP031
    assert [text for text in texts if key in text or key[7:] in text] == []
    assert secret.reveal() == key
    with pytest.raises(TypeError):
        json.dumps({"key": secret})


# --- settings of a relay's screen

TOKEN = "0123456789abcdef-of-the-wall"


def on_relay(url: str, environ: dict[str, str] | None = None, **more: Any) -> Settings:
    return read_relay_settings({"TRIGGER_TUI_RELAY_TOKEN": TOKEN} | (environ or {}), relay_url=url, **more)


def test_relay_settings_need_a_token_and_ignore_the_key() -> None:
    class Watched(dict[str, str]):
        def get(self, name: str, default: Any = None) -> Any:
            names_read.append(name)
            return super().get(name, default)

    names_read: list[str] = []
    environ = Watched(TRIGGER_TUI_RELAY_TOKEN=f" {TOKEN} ", TRIGGER_SECRET_KEY=KEY, TRIGGER_API_URL="nonsense")
    settings = read_relay_settings(environ, relay_url="WSS://Relay.example:7337/")
    assert settings.relay_url == "wss://relay.example:7337"
    assert settings.relay_token.reveal() == TOKEN
    assert not settings.may_write
    assert KEY not in settings.key.reveal()
    assert not {"TRIGGER_SECRET_KEY", "TRIGGER_API_URL"} & set(names_read)
    assert TOKEN not in f"{settings} {settings!r}"


@pytest.mark.parametrize("url", ["ws://127.0.0.1:7337", "ws://localhost:7337", "ws://[::1]:7337", "wss://10.0.0.7"])
def test_relay_address_is_encrypted_or_loopback(url: str) -> None:
    assert on_relay(url).relay_url == url


@pytest.mark.parametrize(
    ("url", "words"),
    [
        *(
            (f"ws://{host}:7337", "unencrypted")
            for host in ("10.0.0.7", "relay.example", "0.0.0.0", "127.0.0.1.example")
        ),
        *((url, "--relay is not") for url in ("", "relay:7337", "http://127.0.0.1:7337", "ws://a:b@127.0.0.1")),
        *((f"wss://{host}", "--relay is not") for host in ("h?token=x", "relay..example", ".example", "x" * 64 + ".a")),
    ],
)
def test_unencrypted_or_invalid_relay_address_is_rejected(url: str, words: str) -> None:
    with pytest.raises(SettingsError, match=words):
        on_relay(url)


@pytest.mark.parametrize("token", ["", "  ", "two words", "é", "a\nb"])
def test_invalid_token_is_rejected_with_its_variable(token: str) -> None:
    with pytest.raises(SettingsError, match="TRIGGER_TUI_RELAY_TOKEN"):
        on_relay("wss://relay.example", {"TRIGGER_TUI_RELAY_TOKEN": token})
