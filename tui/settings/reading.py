"""The settings of a session from flags, environment variables and the config file."""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import fields, replace
from ipaddress import ip_address
from pathlib import PurePath
from typing import Any, Final
from urllib.parse import urlsplit

from tui.settings.schema import FileSettings, Programs, settings_in, value_at, with_value
from tui.settings.secret import DEFAULT_INTERVAL_S, NO_SECRET, Secret, SettingsError
from tui.settings.settings import DEFAULT, DEFAULT_API_URL, FILE, NO_FILE, ConfigFile, Settings

# Builds the settings of a session from flags, environment variables and the config file, and rejects contradictions.
#
# A flag wins over a variable, a variable over the file. Callers pass the variables and the file: this module reads
# neither `os.environ` nor any file.


PREVIEW_BRANCH: Final = "TRIGGER_PREVIEW_BRANCH"
"""The variable with the branch of a preview environment. The server rejects a preview key without a branch."""

_LOCK: Final = "read_only.everywhere"
_RELAY: Final = "--relay"

_Given = dict[str, tuple[Any, str]]
"""Values of `Settings` by their paths, and the flags and variables that they come from."""


def read_settings(environ: Mapping[str, str], *, file: ConfigFile = NO_FILE, **options: Any) -> Settings:
    """Read the settings of a session on the API. The variables have the names that the official SDK uses.

    `options` are those of click, by the names of their parameters. Raises `SettingsError` for a missing or wrong key,
    an invalid address, or two different addresses.
    """
    key = _key(environ)
    return _settings(
        environ,
        options,
        {
            "api_url": _api_url(environ, options.get("api_url")),
            "key": (key, "TRIGGER_SECRET_KEY"),
            "branch": _branch(environ),
        },
        file,
    )


def read_relay_settings(
    environ: Mapping[str, str],
    *,
    relay_url: str,
    ca: PurePath | None = None,
    file: ConfigFile = NO_FILE,
    **options: Any,
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
    return _settings(
        environ,
        options,
        {
            "api_url": (f"the API behind {url}", DEFAULT),
            "key": (NO_SECRET, DEFAULT),
            "interval": (DEFAULT_INTERVAL_S, _RELAY),  # the relay sets the pace
            "realtime": (True, DEFAULT),
            _LOCK: (True, _RELAY),
            "relay_url": (url, _RELAY),
            "relay_token": (Secret(token), "TRIGGER_TUI_RELAY_TOKEN"),
            "relay_ca": (ca, "--tls-ca"),
        },
        file,
    )


def _settings(environ: Mapping[str, str], options: Mapping[str, Any], given: _Given, file: ConfigFile) -> Settings:
    """Return the settings with those that flags and variables replace. What is `given` wins over the options."""
    settings = Settings(api_url="", key=NO_SECRET, state_dir=_state_dir(environ))
    options_of = {path: rule.option for path, _, rule in settings_in(Settings) if rule.option is not None}
    chosen = {path: each.chosen(options.get(each.name), environ) for path, each in options_of.items()}
    given = {path: found for path, found in chosen.items() if found is not None} | given
    for path, (value, _) in given.items():
        settings = with_value(settings, path, value)
    origins = {path: origin for path, (_, origin) in given.items() if origin != DEFAULT}
    return with_file(replace(settings, origins=origins), file)


def with_file(settings: Settings, file: ConfigFile) -> Settings:
    """Return the settings with those of a config file that was read again. Flags and variables still win."""
    values = file.values
    if file.distrust:
        values = replace(values, commands=(), programs=Programs(), bell=replace(values.bell, on_alert=()))
    origins = {path: origin for path, origin in settings.origins.items() if origin != FILE}
    changed = {each.name: getattr(values, each.name) for each in fields(FileSettings)}
    read = replace(settings, file=file, origins=origins, **changed)
    for path in origins:
        read = with_value(read, path, value_at(settings, path))
    return locked(read) if file.is_locked else read


def locked(settings: Settings) -> Settings:
    """Return the settings of a session whose config file forbids something that cannot be read."""
    if settings.read_only.everywhere:
        return settings
    return replace(with_value(settings, _LOCK, True), origins={**settings.origins, _LOCK: FILE})


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


def _state_dir(environ: Mapping[str, str]) -> PurePath:
    if state := environ.get("XDG_STATE_HOME", ""):
        return PurePath(state, "trigger-tui")
    return PurePath(environ.get("HOME", "/"), ".local", "state", "trigger-tui")
