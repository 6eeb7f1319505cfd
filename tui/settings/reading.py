"""The settings of a session from flags, environment variables and the config file."""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import replace
from ipaddress import ip_address
from pathlib import PurePath
from typing import Any, Final
from urllib.parse import urlsplit

from tui.settings.secret import DEFAULT_INTERVAL_S, MIN_INTERVAL_S, NO_SECRET, Secret, SettingsError, zone_of
from tui.settings.settings import (
    DEFAULT_API_URL,
    MIN_PUBLIC_INTERVAL_S,
    NO_FILE,
    ConfigFile,
    ReadOnlyIn,
    Settings,
    bound_keys,
)

# Builds the settings of a session from flags, environment variables and the config file, and rejects contradictions.
#
# A flag wins over a variable, a variable over the file. Callers pass the variables and the file: this module reads
# neither `os.environ` nor any file.


PREVIEW_BRANCH: Final = "TRIGGER_PREVIEW_BRANCH"
"""The variable with the branch of a preview environment. The server rejects a preview key without a branch."""

FILE: Final = "file"
"""The origin of a setting from the config file."""

_KEY_ORIGIN: Final = "a public token"

ROLES: Final = (
    "bg", "surface", "cursor", "cursor2", "dialog", "line", "guide", "spark", "bright", "text", "muted", "faint",
    "accent", "rose", "amber", "blue", "green", "chip", "failbg",
)  # fmt: skip
"""What a colour can be used for, as in `kit.colors`."""

VIEWS: Final = ("runs", "errors")
"""The views with columns of one's own."""

_LINKS: Final = {"auto": None, "always": True, "never": False}
KEY_OF_FIELD: Final = {
    "theme": "theme",
    "colors": "colors",
    "max_runs": "max_runs",
    "timezone": "timezone",
    "zone": "timezone",
    "slow_link": "link.slow",
    "read_only_in": "read_only",
    "columns": "columns",
    "keys": "keys",
    "views": "views",
    "commands": "commands",
    "editor": "programs.editor",
    "pager": "programs.pager",
    "dashboard_url": "dashboard.url",
    "bell": "bell",
}
"""The key in the file of each field that no other origin but a flag or a variable decides."""

_DEFAULTS: Final = {name: getattr(Settings("", NO_SECRET), name) for name in KEY_OF_FIELD}


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
    url, url_origin = _api_url(environ, api_url)
    branch, branch_origin = _branch(environ)
    common, origins = _common(environ, file, has_title=has_title, slow_link=slow_link, theme=theme)
    wait_s, interval_origin = _interval(file, key, interval_s)
    is_locked = _is_read_only(file)
    return Settings(
        api_url=url,
        key=key,
        branch=branch,
        read_only=read_only or is_locked,
        expect_env=expect_env,
        interval_s=wait_s,
        realtime=realtime,
        origins=origins
        | {
            "api_url": url_origin,
            "key": "TRIGGER_SECRET_KEY",
            "branch": branch_origin,
            "read_only": _read_only_origin(key, by_flag=read_only, by_file=is_locked),
            "expect_env": "--expect-env" if expect_env else "default",
            "interval_s": interval_origin,
            "realtime": "default" if realtime else "--no-realtime",
        },
        **common,
    )


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
    common, origins = _common(environ, file, has_title=has_title, slow_link=slow_link, theme=theme)
    return Settings(
        api_url=f"the API behind {url}",
        key=NO_SECRET,
        read_only=True,
        expect_env=expect_env,
        relay_url=url,
        relay_token=Secret(token),
        relay_ca=ca,
        origins=origins
        | {
            "relay_url": "--relay",
            "relay_token": "TRIGGER_TUI_RELAY_TOKEN",
            "relay_ca": "default" if ca is None else "--tls-ca",
            "read_only": "--relay",
            "expect_env": "--expect-env" if expect_env else "default",
        },
        **common,
    )


def with_file(settings: Settings, file: ConfigFile) -> Settings:
    """Return the settings with those of a config file that was read again. Flags and variables still win."""
    values, origins = file_values(file)
    kept = {name: origin for name, origin in settings.origins.items() if origin not in {FILE, "default"}}
    if "interval_s" not in kept:
        values["interval_s"], origins["interval_s"] = _interval(file, settings.key, None)
    if "read_only" not in kept:
        values["read_only"] = _is_read_only(file)
        origins["read_only"] = FILE if values["read_only"] else "default"
    elif settings.key.may_write is False and kept["read_only"] == _KEY_ORIGIN:
        values["read_only"] = _is_read_only(file)
    changed = {name: value for name, value in values.items() if name not in kept}
    return replace(settings, origins=origins | kept, file=file, **changed)


def locked(settings: Settings) -> Settings:
    """Return the settings of a session whose config file forbids something that cannot be read."""
    if settings.read_only:
        return settings
    return replace(settings, read_only=True, origins={**settings.origins, "read_only": FILE})


def file_values(file: ConfigFile) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the fields of `Settings` that a config file alone decides, and their origins."""
    values = file.values
    if values is None:
        return dict(_DEFAULTS), dict.fromkeys(_DEFAULTS, "default")
    fields: dict[str, Any] = {
        "theme": values.theme,
        "colors": {role: color for role in ROLES if (color := getattr(values.colors, role)) is not None},
        "max_runs": values.max_runs,
        "timezone": values.timezone,
        "zone": zone_of(values.timezone),
        "slow_link": _LINKS[values.link.slow],
        "read_only_in": ReadOnlyIn(values.read_only.production, values.read_only.environments),
        "columns": {view: own for view in VIEWS if (own := getattr(values.columns, view))},
        "keys": {binding: bound_keys(own) for binding, own in values.keys.items()},
        "views": values.views,
        "commands": () if file.distrust else values.commands,
        "editor": () if file.distrust else values.programs.editor,
        "pager": () if file.distrust else values.programs.pager,
        "dashboard_url": values.dashboard.url or None,
        "bell": values.bell,
    }
    if file.distrust and values.bell.on_alert:
        from msgspec.structs import replace as with_fields  # noqa: PLC0415  loaded with the file

        fields["bell"] = with_fields(values.bell, on_alert=())
    return fields, {name: FILE if is_set(file, KEY_OF_FIELD[name]) else "default" for name in fields}


def is_set(file: ConfigFile, key: str) -> bool:
    """Return whether a file sets a key, or anything below it."""
    return any(each == key or each.startswith((f"{key}.", f"{key}[")) for each in file.keys)


def places_of(file: ConfigFile, key: str) -> tuple[str, ...]:
    """Return the paths of the entries of a list that are used, in order. Wrong ones between them are left out."""
    start = f"{key}["
    numbers = sorted(int(each[len(start) : -1]) for each in file.keys if each.startswith(start))
    return tuple(f"{start}{number}]" for number in numbers)


def _common(
    environ: Mapping[str, str], file: ConfigFile, *, has_title: bool, slow_link: bool | None, theme: str | None
) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the fields that a session on the API and one on a relay share, and their origins."""
    values, origins = file_values(file)
    values["file"], values["state_dir"] = file, _state_dir(environ)
    values["has_title"], origins["has_title"] = _title(environ, has_title=has_title)
    is_slow, slow_origin = _slow_link(environ, slow_link)
    if slow_origin != "default":
        values["slow_link"], origins["slow_link"] = is_slow, slow_origin
    if theme is not None:
        values["theme"], origins["theme"] = theme, "--theme"
    return values, origins


def _interval(file: ConfigFile, key: Secret, flag_s: float | None) -> tuple[float, str]:
    wanted_s, origin = DEFAULT_INTERVAL_S, "default"
    if flag_s is not None:
        wanted_s, origin = flag_s, "--interval"
    elif file.values is not None and "interval" in file.keys:
        wanted_s, origin = file.values.interval, FILE
    return max(MIN_PUBLIC_INTERVAL_S if key.is_public else MIN_INTERVAL_S, wanted_s), origin


def _is_read_only(file: ConfigFile) -> bool:
    return file.is_locked or (file.values is not None and file.values.read_only.everywhere)


def _read_only_origin(key: Secret, *, by_flag: bool, by_file: bool) -> str:
    if by_flag:
        return "--read-only"
    if not key.may_write:
        return _KEY_ORIGIN
    return FILE if by_file else "default"


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
    return DEFAULT_API_URL, "default"


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
