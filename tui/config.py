"""The settings of one start of the program, each with where it came from.

What lives here: reading them out of an environment mapping and the command line's flags, and refusing those that
contradict each other. Never a file, never the process's own environment: both are handed in.
"""

import base64
import json
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import timedelta
from ipaddress import ip_address
from pathlib import PurePath
from urllib.parse import urlsplit

DEFAULT_API_URL = "https://api.trigger.dev"
"""What the official SDK uses when TRIGGER_API_URL is not set (@trigger.dev/core, apiClientManager)."""

DEFAULT_INTERVAL_S = 2.0
"""Between two reads of page one: an operator sees a failure within a breath, at 5 of 250 requests every 10 s."""

PUBLIC_INTERVAL_S = 10.0
"""The least interval on a public token, which has 60 requests a minute."""

_NOWHERE = PurePath()

PREVIEW_BRANCH = "TRIGGER_PREVIEW_BRANCH"
"""Names the branch of a preview environment, whose key is refused without one."""

DEFAULT_HISTORY = timedelta(hours=24)
DEFAULT_HISTORY_RUNS = 5_000


class SettingsError(Exception):
    """The settings cannot be used as given; the text is one line that names the variable or flag."""


class Secret:
    """A key that shows itself only to who asks for it by name."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """The key itself: for the Authorization header and nothing else."""
        return self._text

    @property
    def is_public(self) -> bool:
        """Whether it is a public access token (a JWT) rather than a secret key."""
        return self._text.count(".") == 2 and self._text.startswith("ey")

    @property
    def scopes(self) -> tuple[str, ...]:
        """What a public token may do, by its own word (`read:runs`); empty for a secret key or an unreadable token."""
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
        """Whether a cancel or a replay is worth sending: always for a secret key, by scope for a public token."""
        if not self.is_public:
            return True
        return any(scope == "admin" or scope.startswith(("write:runs", "write:all")) for scope in self.scopes)

    def __repr__(self) -> str:
        return "Secret(…)"

    __str__ = __repr__


_NO_SECRET = Secret("")


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that a session needs to know before it starts. `origins` says for each field where it came from.

    `interval_s` is the wait between two polls, `realtime` whether the feed is asked for, `has_title` whether the
    monitor sets the terminal's title, `history` and `history_runs`
    bound what is read backwards at the start, `state_dir` is where the action log goes, `expect_env` the slug outside
    which nothing is written. With a `relay_url` there is no key, and `api_url` is words for the address that only the
    relay knows.
    """

    api_url: str
    key: Secret
    branch: str | None = None
    read_only: bool = False
    expect_env: str | None = None
    interval_s: float = DEFAULT_INTERVAL_S
    realtime: bool = True
    has_title: bool = True
    history: timedelta = DEFAULT_HISTORY
    history_runs: int = DEFAULT_HISTORY_RUNS
    state_dir: PurePath = _NOWHERE
    relay_url: str | None = None
    relay_token: Secret = _NO_SECRET
    relay_ca: PurePath | None = None
    origins: Mapping[str, str] = field(default_factory=dict)

    @property
    def may_write(self) -> bool:
        """Whether actions exist at all in this session."""
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
) -> Settings:
    """Make the settings out of the environment and the flags (None: not given).

    Raises `SettingsError` where the key is missing or of the wrong kind, an address is none, or a variable and a
    flag name different addresses. The variables' names are the official SDK's.
    """
    key = _key(environ)
    url, url_origin = _api_url(environ, api_url)
    branch, branch_origin = _branch(environ)
    title, title_origin = _title(environ, has_title=has_title)
    least_s = PUBLIC_INTERVAL_S if key.is_public else 0.5
    return Settings(
        api_url=url,
        key=key,
        branch=branch,
        read_only=read_only,
        expect_env=expect_env,
        interval_s=max(least_s, DEFAULT_INTERVAL_S if interval_s is None else interval_s),
        realtime=realtime,
        has_title=title,
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
        },
    )


def read_relay_settings(
    environ: Mapping[str, str],
    *,
    relay_url: str,
    ca: PurePath | None = None,
    expect_env: str | None = None,
    has_title: bool = True,
) -> Settings:
    """The settings of a screen of a relay, which has no key, asks no API and writes nothing.

    `ca` is a file of certificates to trust. Raises `SettingsError` where the token is missing, where the address is
    none, and where the token would leave this machine unencrypted.
    """
    url = _relay_url(relay_url)
    if ca is not None and not url.startswith("wss:"):
        raise SettingsError(f"--tls-ca is for a relay with TLS (wss://…), and --relay is {url}")
    token = environ.get("TRIGGER_TUI_RELAY_TOKEN", "").strip()
    if not token:
        raise SettingsError("TRIGGER_TUI_RELAY_TOKEN is not set: give it one of the tokens of the relay's file")
    if not _is_plain(token):
        raise SettingsError("TRIGGER_TUI_RELAY_TOKEN holds characters that no token has (a line break, a space?)")
    title, title_origin = _title(environ, has_title=has_title)
    return Settings(
        api_url=f"the API behind {url}",
        key=_NO_SECRET,
        read_only=True,
        expect_env=expect_env,
        has_title=title,
        state_dir=_state_dir(environ),
        relay_url=url,
        relay_token=Secret(token),
        relay_ca=ca,
        origins={
            "relay_url": "--relay",
            "relay_token": "TRIGGER_TUI_RELAY_TOKEN",
            "relay_ca": "default" if ca is None else "--tls-ca",
            "has_title": title_origin,
            "read_only": "--relay",
            "expect_env": "--expect-env" if expect_env else "default",
        },
    )


def is_loopback(host: str) -> bool:
    """Whether an address leads to this machine whatever a name server says."""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _relay_url(text: str) -> str:
    url = _normal_url(text)
    if not _is_address(url, {"ws", "wss"}):
        raise SettingsError("--relay is no address of a relay (wss://host:port, or ws://127.0.0.1:port)")
    if url.startswith("ws:") and not is_loopback(urlsplit(url).hostname or ""):
        raise SettingsError(f"--relay {url} would send the token unencrypted: beyond this machine it takes wss://")
    return url


def _key(environ: Mapping[str, str]) -> Secret:
    text = environ.get("TRIGGER_SECRET_KEY", "").strip()
    if not text:
        raise SettingsError(
            "TRIGGER_SECRET_KEY is not set: give it the secret key of an environment, or a public access token "
            "(no account at hand? `trigger-tui demo` needs none)"
        )
    if text.startswith("tr_pat_"):
        raise SettingsError(
            "TRIGGER_SECRET_KEY holds a personal access token, which reads no runs: it needs the secret key of an "
            "environment (tr_dev_…, tr_prod_…), from the dashboard's page API keys"
        )
    if not _is_plain(text):
        raise SettingsError("TRIGGER_SECRET_KEY holds characters that no key has (a line break, a quote, a space?)")
    return Secret(text)


def _is_plain(text: str) -> bool:
    return text.isascii() and text.isprintable() and " " not in text


def _api_url(environ: Mapping[str, str], flag: str | None) -> tuple[str, str]:
    variable = environ.get("TRIGGER_API_URL", "").strip() or None
    if flag is not None and variable is not None and _normal_url(flag) != _normal_url(variable):
        raise SettingsError(f"--api-url {flag} and TRIGGER_API_URL={variable} disagree: give one of them")
    for text, origin in ((flag, "--api-url"), (variable, "TRIGGER_API_URL")):
        if text is not None:
            url = _normal_url(text)
            if not _is_address(url):
                raise SettingsError(f"{origin} is no address of an API (https://host or http://host:port)")
            return url, origin
    return DEFAULT_API_URL, "default"


def _normal_url(text: str) -> str:
    """One spelling for one address: scheme and host in lower case, no slash at the end; odd ones as they came."""
    stripped = text.strip().rstrip("/")
    scheme, separator, rest = stripped.partition("://")
    host, slash, path = rest.partition("/")
    return f"{scheme.lower()}{separator}{host.lower()}{slash}{path}"


def _is_address(url: str, schemes: AbstractSet[str] = frozenset({"http", "https"})) -> bool:
    """Whether requests can be built on it: no user, query or fragment, and a host that is a name or a number."""
    if not _is_plain(url):
        return False
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
        # Both ways: what is looked up is encoded, and of parts that are empty or too long only that complains.
        (host or "").encode("ascii").decode("idna").encode("idna")
    except (ValueError, UnicodeError):
        return False
    is_bare = not (parts.username or parts.password or parts.query or parts.fragment or "?" in url or "#" in url)
    return parts.scheme in schemes and bool(host) and port != 0 and is_bare


def _branch(environ: Mapping[str, str]) -> tuple[str | None, str]:
    """The branch of a preview environment, in the SDK's order; `default` names the root development environment.

    Source: @trigger.dev/core 4.8.3, apiClientManager `branchName`, utils/gitBranch. Raises `SettingsError`.
    """
    for variable in (PREVIEW_BRANCH, "VERCEL_GIT_COMMIT_REF", "TRIGGER_DEV_BRANCH"):
        text = environ.get(variable, "").strip()
        if text and not (variable == "TRIGGER_DEV_BRANCH" and text == "default"):
            if not text.isprintable() or not text.isascii():
                raise SettingsError(f"{variable} holds characters that no branch has")
            return text, variable
    return None, "default"


def _title(environ: Mapping[str, str], *, has_title: bool) -> tuple[bool, str]:
    variable = environ.get("TRIGGER_TUI_TITLE", "").strip()
    if variable not in {"", "0", "1"}:
        raise SettingsError("TRIGGER_TUI_TITLE is 0 (the terminal keeps its title) or 1")
    if not has_title:
        return False, "--no-title"
    return variable != "0", "TRIGGER_TUI_TITLE" if variable else "default"


def _state_dir(environ: Mapping[str, str]) -> PurePath:
    if state := environ.get("XDG_STATE_HOME", ""):
        return PurePath(state, "trigger-tui")
    return PurePath(environ.get("HOME", "/"), ".local", "state", "trigger-tui")
