"""The settings of a session from flags, environment variables and the config file."""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import fields, replace
from ipaddress import ip_address
from pathlib import PurePath
from typing import Any, Final
from urllib.parse import urlsplit

from tui.settings.schema import FileSettings, Link, Programs, ReadOnly
from tui.settings.secret import DEFAULT_INTERVAL_S, NO_SECRET, Secret, SettingsError
from tui.settings.settings import DEFAULT, DEFAULT_API_URL, FILE, NO_FILE, ConfigFile, Settings

# Builds the settings of a session from flags, environment variables and the config file, and rejects contradictions.
#
# A flag wins over a variable, a variable over the file. Callers pass the variables and the file: this module reads
# neither `os.environ` nor any file.


PREVIEW_BRANCH: Final = "TRIGGER_PREVIEW_BRANCH"
"""The variable with the branch of a preview environment. The server rejects a preview key without a branch."""

_KEY_ORIGIN: Final = "a public token"
_READ_ONLY: Final = "--read-only"
_RELAY: Final = "--relay"

_Given = dict[str, tuple[Any, str]]
"""Fields of `Settings` that flags and variables decide, and their origins."""


def read_settings(  # noqa: PLR0913  one parameter for each option
    environ: Mapping[str, str],
    *,
    api_url: str | None = None,
    read_only: bool = False,
    expect_env: str | None = None,
    interval_s: float | None = None,
    realtime: bool = True,
    has_title: bool = True,
    slow_link: bool | None = None,
    theme: str | None = None,
    file: ConfigFile = NO_FILE,
) -> Settings:
    """Read the settings of a session on the API. The variables have the names that the official SDK uses.

    Raises `SettingsError` for a missing or wrong key, an invalid address, or two different addresses.
    """
    key = _key(environ)
    given: _Given = {
        "api_url": _api_url(environ, api_url),
        "key": (key, "TRIGGER_SECRET_KEY"),
        "branch": _branch(environ),
        "interval": (DEFAULT_INTERVAL_S, DEFAULT) if interval_s is None else (interval_s, "--interval"),
        "read_only": (ReadOnly(), _READ_ONLY if read_only else DEFAULT if key.may_write else _KEY_ORIGIN),
        "realtime": (realtime, DEFAULT if realtime else "--no-realtime"),
    }
    given |= _common(environ, expect_env=expect_env, has_title=has_title, slow_link=slow_link, theme=theme)
    return _settings(given, file)


def read_relay_settings(
    environ: Mapping[str, str],
    *,
    relay_url: str,
    ca: PurePath | None = None,
    expect_env: str | None = None,
    has_title: bool = True,
    slow_link: bool | None = None,
    theme: str | None = None,
    file: ConfigFile = NO_FILE,
) -> Settings:
    """Read the settings of a session on a relay: read-only, without a key. `ca` is a file of trusted certificates.

    Raises `SettingsError` for a missing token, an invalid address, and an unencrypted connection to another machine.
    """
    url = _normalized_url(relay_url)
    if not _is_base_url(url, {"ws", "wss"}):
        raise SettingsError("--relay is not the address of a relay (wss://host:port, or ws://127.0.0.1:port)")
    if url.startswith("ws:") and not is_loopback(urlsplit(url).hostname or ""):
        raise SettingsError(f"--relay {url} would send the token unencrypted: use wss:// for another machine")
    if ca is not None and not url.startswith("wss:"):
        raise SettingsError(f"--tls-ca needs a relay with TLS (wss://…), but --relay is {url}")
    token = environ.get("TRIGGER_TUI_RELAY_TOKEN", "").strip()
    if not token:
        raise SettingsError("TRIGGER_TUI_RELAY_TOKEN is not set: set it to a token from the relay's token file")
    if not _is_printable_ascii(token):
        raise SettingsError("TRIGGER_TUI_RELAY_TOKEN has characters that no token has (a line break, a space?)")
    given: _Given = {
        "api_url": (f"the API behind {url}", DEFAULT),
        "key": (NO_SECRET, DEFAULT),
        "interval": (DEFAULT_INTERVAL_S, _RELAY),  # the relay sets the pace
        "read_only": (ReadOnly(), _RELAY),
        "relay_url": (url, _RELAY),
        "relay_token": (Secret(token), "TRIGGER_TUI_RELAY_TOKEN"),
        "relay_ca": (ca, "--tls-ca"),
    }
    given |= _common(environ, expect_env=expect_env, has_title=has_title, slow_link=slow_link, theme=theme)
    return _settings(given, file)


def _common(
    environ: Mapping[str, str], *, expect_env: str | None, has_title: bool, slow_link: bool | None, theme: str | None
) -> _Given:
    """Return the fields that sessions on the API and on a relay share."""
    return {
        "state_dir": (_state_dir(environ), DEFAULT),
        "expect_env": (expect_env, "--expect-env" if expect_env else DEFAULT),
        "has_title": _title(environ, has_title=has_title),
        "link": _link(environ, slow_link),
        "theme": (theme or "auto", "--theme" if theme else DEFAULT),
    }


def _settings(given: _Given, file: ConfigFile) -> Settings:
    values = {name: value for name, (value, _) in given.items()}
    return with_file(Settings(**values, origins={name: origin for name, (_, origin) in given.items()}), file)


def with_file(settings: Settings, file: ConfigFile) -> Settings:
    """Return the settings with those of a config file that was read again. Flags and variables still win."""
    values = file.values
    if file.distrust:
        values = replace(values, commands=(), programs=Programs(), bell=replace(values.bell, on_alert=()))
    origins = {name: origin for name, origin in settings.origins.items() if origin not in {FILE, DEFAULT}}
    by_flag = origins.get("read_only") in {_READ_ONLY, _RELAY}
    everywhere = by_flag or file.is_locked or values.read_only.everywhere
    if everywhere:
        origins.setdefault("read_only", FILE)
    changed = {each.name: getattr(values, each.name) for each in fields(FileSettings) if each.name not in origins}
    changed["read_only"] = replace(values.read_only, everywhere=everywhere)
    return replace(settings, file=file, origins=origins, **changed)


def locked(settings: Settings) -> Settings:
    """Return the settings of a session whose config file forbids something that cannot be read."""
    if settings.read_only.everywhere:
        return settings
    read_only = replace(settings.read_only, everywhere=True)
    return replace(settings, read_only=read_only, origins={**settings.origins, "read_only": FILE})


def places_of(file: ConfigFile, key: str) -> tuple[str, ...]:
    """Return the paths of the entries of a list that are used, in order. Wrong ones between them are left out."""
    start = f"{key}["
    numbers = sorted(int(each[len(start) : -1]) for each in file.keys if each.startswith(start))
    return tuple(f"{start}{number}]" for number in numbers)


def is_loopback(host: str) -> bool:
    """Whether a host is certainly this machine, without a name lookup."""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


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
    return DEFAULT_API_URL, DEFAULT


def _normalized_url(text: str) -> str:
    """Normalise an address: lower-case scheme and host, no trailing slash."""
    scheme, separator, rest = text.strip().rstrip("/").partition("://")
    host, slash, path = rest.partition("/")
    return f"{scheme.lower()}{separator}{host.lower()}{slash}{path}"


def _is_plain_host(host: str) -> bool:
    """Whether nothing can be wrong about a host. Others need the codec `idna`, which takes a millisecond to load."""
    labels = host.split(".")
    return "xn--" not in host and all(0 < len(each) < 64 and each.replace("-", "").isalnum() for each in labels)


def _is_base_url(url: str, schemes: AbstractSet[str] = frozenset({"http", "https"})) -> bool:
    """Whether a text is a URL with one of `schemes` and a valid host, and without user, query and fragment."""
    if not _is_printable_ascii(url):
        return False
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
        if not _is_plain_host(host or ""):
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
        if text and not (variable == "TRIGGER_DEV_BRANCH" and text == DEFAULT):
            if not text.isprintable() or not text.isascii():
                raise SettingsError(f"{variable} has characters that no branch has")
            return text, variable
    return None, DEFAULT


def _switch(environ: Mapping[str, str], variable: str, meaning: str) -> str:
    """Return `0`, `1` or an empty text. Raises `SettingsError` for others."""
    value = environ.get(variable, "").strip()
    if value not in {"", "0", "1"}:
        raise SettingsError(f"{variable} must be {meaning}")
    return value


def _title(environ: Mapping[str, str], *, has_title: bool) -> tuple[bool, str]:
    variable = _switch(environ, "TRIGGER_TUI_TITLE", "0 (the terminal keeps its title) or 1")
    if not has_title:
        return False, "--no-title"
    return variable != "0", "TRIGGER_TUI_TITLE" if variable else DEFAULT


def _link(environ: Mapping[str, str], is_slow: bool | None) -> tuple[Link, str]:  # noqa: FBT001  tri-state
    variable = _switch(environ, "TRIGGER_TUI_SLOW", "0 (never save bytes) or 1 (always)")
    if is_slow is not None:
        return Link("always" if is_slow else "never"), "--slow" if is_slow else "--no-slow"
    if variable:
        return Link("always" if variable == "1" else "never"), "TRIGGER_TUI_SLOW"
    return Link(), DEFAULT


def _state_dir(environ: Mapping[str, str]) -> PurePath:
    if state := environ.get("XDG_STATE_HOME", ""):
        return PurePath(state, "trigger-tui")
    return PurePath(environ.get("HOME", "/"), ".local", "state", "trigger-tui")
