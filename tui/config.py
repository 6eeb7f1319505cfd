"""Builds the settings of a session from environment variables and flags, and rejects contradictions.

Callers pass the variables: this module reads neither `os.environ` nor any file. It is longer than 300 lines, and two
functions than 40, because they name every setting once.
"""

import base64
import json
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import field
from datetime import timedelta
from ipaddress import ip_address
from pathlib import PurePath
from urllib.parse import urlsplit

from tui.lazy_dataclass import dataclass

DEFAULT_API_URL = "https://api.trigger.dev"
"""The default of the official SDK (`apiClientManager` of @trigger.dev/core)."""

DEFAULT_INTERVAL_S = 2.0
"""The wait between two reads of the newest page, which costs 5 of the 250 requests allowed in 10 s."""

MIN_INTERVAL_S = 0.5
MIN_PUBLIC_INTERVAL_S = 10.0
"""The minimum with a public token, which may send 60 requests a minute."""

_NOWHERE = PurePath()

PREVIEW_BRANCH = "TRIGGER_PREVIEW_BRANCH"
"""The variable with the branch of a preview environment. The server rejects a preview key without a branch."""

DEFAULT_HISTORY = timedelta(hours=24)
DEFAULT_HISTORY_RUNS = 5_000


class SettingsError(Exception):
    """A setting is missing or invalid. The text is one line that names the variable or flag."""


class Secret:
    """A key or token that never appears in a `repr`, a log or a traceback. `reveal` returns its text."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """Return the text, to send it or to redact it."""
        return self._text

    @property
    def is_public(self) -> bool:
        """Whether this is a public access token (a JWT) and not a secret key."""
        return self._text.count(".") == 2 and self._text.startswith("ey")

    @property
    def scopes(self) -> tuple[str, ...]:
        """The scopes that a public token claims, such as `read:runs`. Empty for a secret key or an unreadable token."""
        if not self.is_public:
            return ()
        part = self._text.split(".")[1]
        try:
            claims = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
        except (ValueError, RecursionError):
            return ()
        scopes = claims.get("scopes") if isinstance(claims, dict) else None
        return tuple(scope for scope in scopes if isinstance(scope, str)) if isinstance(scopes, list) else ()

    @property
    def may_write(self) -> bool:
        """Whether the key may cancel and replay runs. A secret key may; a public token needs a scope."""
        if not self.is_public:
            return True
        return any(scope == "admin" or scope.startswith(("write:runs", "write:all")) for scope in self.scopes)

    def __repr__(self) -> str:
        return "Secret(…)"

    __str__ = __repr__


_NO_SECRET = Secret("")


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of one session. With a `relay_url` the key is empty, and `api_url` is only a text to show."""

    api_url: str
    key: Secret
    branch: str | None = None
    read_only: bool = False
    expect_env: str | None = None
    """The slug of the only environment in which actions are allowed."""

    interval_s: float = DEFAULT_INTERVAL_S
    """The wait between two polls."""

    realtime: bool = True
    """Whether to use the realtime feed."""

    has_title: bool = True
    """Whether the monitor sets the title of the terminal."""

    slow_link: bool | None = None
    """Whether the monitor saves bytes; None: when the link to the terminal proves slow."""

    history: timedelta = DEFAULT_HISTORY
    """How far back to read runs at the start, up to `history_runs`."""

    history_runs: int = DEFAULT_HISTORY_RUNS
    state_dir: PurePath = _NOWHERE
    """The folder of the action log."""

    relay_url: str | None = None
    relay_token: Secret = _NO_SECRET
    relay_ca: PurePath | None = None
    origins: Mapping[str, str] = field(default_factory=dict)
    """Where each field comes from: a variable, a flag or `default`."""

    @property
    def may_write(self) -> bool:
        """Whether this session may cancel and replay runs."""
        return not self.read_only and self.key.may_write


def read_settings(
    environ: Mapping[str, str],
    *,
    api_url: str | None = None,
    read_only: bool = False,
    expect_env: str | None = None,
    interval_s: float | None = None,
    realtime: bool = True,
    has_title: bool = True,
    slow_link: bool | None = None,
) -> Settings:
    """Read the settings of a session on the API. The variables have the names that the official SDK uses.

    Raises `SettingsError` for a missing or wrong key, an invalid address, or two different addresses.
    """
    key = _key(environ)
    url, url_origin = _api_url(environ, api_url)
    branch, branch_origin = _branch(environ)
    title, title_origin = _title(environ, has_title=has_title)
    is_slow, slow_origin = _slow_link(environ, slow_link)
    min_s = MIN_PUBLIC_INTERVAL_S if key.is_public else MIN_INTERVAL_S
    return Settings(
        api_url=url,
        key=key,
        branch=branch,
        read_only=read_only,
        expect_env=expect_env,
        interval_s=max(min_s, DEFAULT_INTERVAL_S if interval_s is None else interval_s),
        realtime=realtime,
        has_title=title,
        slow_link=is_slow,
        state_dir=_state_dir(environ),
        origins={
            "api_url": url_origin,
            "key": "TRIGGER_SECRET_KEY",
            "branch": branch_origin,
            "read_only": "--read-only" if read_only else "a public token" if not key.may_write else "default",
            "expect_env": "--expect-env" if expect_env else "default",
            "interval_s": "--interval" if interval_s is not None else "default",
            "realtime": "default" if realtime else "--no-realtime",
            "has_title": title_origin,
            "slow_link": slow_origin,
        },
    )


def read_relay_settings(
    environ: Mapping[str, str],
    *,
    relay_url: str,
    ca: PurePath | None = None,
    expect_env: str | None = None,
    has_title: bool = True,
    slow_link: bool | None = None,
) -> Settings:
    """Read the settings of a session on a relay: read-only, without a key. `ca` is a file of trusted certificates.

    Raises `SettingsError` for a missing token, an invalid address, and an unencrypted connection to another machine.
    """
    url = _relay_url(relay_url)
    if ca is not None and not url.startswith("wss:"):
        raise SettingsError(f"--tls-ca needs a relay with TLS (wss://…), but --relay is {url}")
    token = environ.get("TRIGGER_TUI_RELAY_TOKEN", "").strip()
    if not token:
        raise SettingsError("TRIGGER_TUI_RELAY_TOKEN is not set: set it to a token from the relay's token file")
    if not _is_printable_ascii(token):
        raise SettingsError("TRIGGER_TUI_RELAY_TOKEN has characters that no token has (a line break, a space?)")
    title, title_origin = _title(environ, has_title=has_title)
    is_slow, slow_origin = _slow_link(environ, slow_link)
    return Settings(
        api_url=f"the API behind {url}",
        key=_NO_SECRET,
        read_only=True,
        expect_env=expect_env,
        has_title=title,
        slow_link=is_slow,
        state_dir=_state_dir(environ),
        relay_url=url,
        relay_token=Secret(token),
        relay_ca=ca,
        origins={
            "relay_url": "--relay",
            "relay_token": "TRIGGER_TUI_RELAY_TOKEN",
            "relay_ca": "default" if ca is None else "--tls-ca",
            "has_title": title_origin,
            "slow_link": slow_origin,
            "read_only": "--relay",
            "expect_env": "--expect-env" if expect_env else "default",
        },
    )


def is_loopback(host: str) -> bool:
    """Whether a host is certainly this machine, without a name lookup."""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _relay_url(text: str) -> str:
    url = _normalized_url(text)
    if not _is_base_url(url, {"ws", "wss"}):
        raise SettingsError("--relay is not the address of a relay (wss://host:port, or ws://127.0.0.1:port)")
    if url.startswith("ws:") and not is_loopback(urlsplit(url).hostname or ""):
        raise SettingsError(f"--relay {url} would send the token unencrypted: use wss:// for another machine")
    return url


def _key(environ: Mapping[str, str]) -> Secret:
    text = environ.get("TRIGGER_SECRET_KEY", "").strip()
    if not text:
        raise SettingsError(
            "TRIGGER_SECRET_KEY is not set: set it to the secret key of an environment or to a public access token "
            "(no account? try `trigger-tui demo`)"
        )
    if text.startswith("tr_pat_"):
        raise SettingsError(
            "TRIGGER_SECRET_KEY is a personal access token, which cannot read runs: use the secret key of an "
            "environment (tr_dev_…, tr_prod_…) from the API keys page of the dashboard"
        )
    if not _is_printable_ascii(text):
        raise SettingsError("TRIGGER_SECRET_KEY has characters that no key has (a line break, a quote, a space?)")
    return Secret(text)


def _is_printable_ascii(text: str) -> bool:
    return text.isascii() and text.isprintable() and " " not in text


def _api_url(environ: Mapping[str, str], flag: str | None) -> tuple[str, str]:
    variable = environ.get("TRIGGER_API_URL", "").strip() or None
    if flag is not None and variable is not None and _normalized_url(flag) != _normalized_url(variable):
        raise SettingsError(f"--api-url {flag} and TRIGGER_API_URL={variable} differ: set only one of them")
    for text, origin in ((flag, "--api-url"), (variable, "TRIGGER_API_URL")):
        if text is not None:
            url = _normalized_url(text)
            if not _is_base_url(url):
                raise SettingsError(f"{origin} is not the address of an API (https://host or http://host:port)")
            return url, origin
    return DEFAULT_API_URL, "default"


def _normalized_url(text: str) -> str:
    """Normalise an address: lower-case scheme and host, no trailing slash."""
    stripped = text.strip().rstrip("/")
    scheme, separator, rest = stripped.partition("://")
    host, slash, path = rest.partition("/")
    return f"{scheme.lower()}{separator}{host.lower()}{slash}{path}"


def _is_base_url(url: str, schemes: AbstractSet[str] = frozenset({"http", "https"})) -> bool:
    """Whether a text is a URL with one of `schemes` and a valid host, and without user, query and fragment."""
    if not _is_printable_ascii(url):
        return False
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
        # Encoding again raises for empty and overlong labels, as the later name lookup would.
        (host or "").encode("ascii").decode("idna").encode("idna")
    except (ValueError, UnicodeError):
        return False
    is_bare = not (parts.username or parts.password or parts.query or parts.fragment or "?" in url or "#" in url)
    return parts.scheme in schemes and bool(host) and port != 0 and is_bare


def _branch(environ: Mapping[str, str]) -> tuple[str | None, str]:
    """Return the branch of a preview environment, and the variable that names it. Raises `SettingsError`.

    The order is that of the SDK. `default` in TRIGGER_DEV_BRANCH is the root development environment
    (@trigger.dev/core 4.8.3, `branchName`).
    """
    for variable in (PREVIEW_BRANCH, "VERCEL_GIT_COMMIT_REF", "TRIGGER_DEV_BRANCH"):
        text = environ.get(variable, "").strip()
        if text and not (variable == "TRIGGER_DEV_BRANCH" and text == "default"):
            if not text.isprintable() or not text.isascii():
                raise SettingsError(f"{variable} has characters that no branch has")
            return text, variable
    return None, "default"


def _title(environ: Mapping[str, str], *, has_title: bool) -> tuple[bool, str]:
    variable = environ.get("TRIGGER_TUI_TITLE", "").strip()
    if variable not in {"", "0", "1"}:
        raise SettingsError("TRIGGER_TUI_TITLE must be 0 (the terminal keeps its title) or 1")
    if not has_title:
        return False, "--no-title"
    return variable != "0", "TRIGGER_TUI_TITLE" if variable else "default"


def _slow_link(environ: Mapping[str, str], flag: bool | None) -> tuple[bool | None, str]:  # noqa: FBT001  tri-state
    variable = environ.get("TRIGGER_TUI_SLOW", "").strip()
    if variable not in {"", "0", "1"}:
        raise SettingsError("TRIGGER_TUI_SLOW must be 0 (never save bytes) or 1 (always)")
    if flag is not None:
        return flag, "--slow" if flag else "--no-slow"
    return (variable == "1", "TRIGGER_TUI_SLOW") if variable else (None, "default")


def _state_dir(environ: Mapping[str, str]) -> PurePath:
    if state := environ.get("XDG_STATE_HOME", ""):
        return PurePath(state, "trigger-tui")
    return PurePath(environ.get("HOME", "/"), ".local", "state", "trigger-tui")
