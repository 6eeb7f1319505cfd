"""The settings of one session as a frozen value, where they come from, and the bell."""

from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import field, fields, replace
from datetime import datetime, time, timedelta, tzinfo
from ipaddress import ip_address
from pathlib import PurePath
from typing import Annotated, Any, Final
from urllib.parse import urlsplit

from tui.lazy_dataclass import dataclass
from tui.settings import schema
from tui.settings.schema import Bell, FileSettings, Option, Programs, ValueRule, settings_in, value_at, with_value
from tui.settings.secret import NO_SECRET, Secret, SettingsError, zone_of

# The settings of one session as a frozen value, the file that some of them come from, and the bell.


DEFAULT_API_URL: Final = "https://api.trigger.dev"
"""The default of the official SDK (`apiClientManager` of @trigger.dev/core)."""


MIN_PUBLIC_INTERVAL_S: Final = 10.0
"""The minimum with a public token, which may send 60 requests a minute."""

UNBIND: Final = "unbind"
"""In place of a key: the binding has none."""


@dataclass(frozen=True, slots=True)
class Complaint:
    """One thing that is wrong in the config file, as one line.

    * `where`: a key path (`colors.rose`), a line (`line 3`), or "" for the file as a whole
    * `text`: what was expected and what is there
    * `is_remark`: the value is used all the same
    * `file`: the path as it is shown, with `~` for the home folder
    """

    where: str
    text: str
    is_remark: bool = False
    file: str = ""

    def __str__(self) -> str:
        return ": ".join(part for part in (self.file, self.where, self.text) if part)


FileState = tuple[int, ...]
"""Distinguishes two states of a file without reading it; empty if there is no file."""


@dataclass(frozen=True, slots=True)
class ConfigFile:
    """The config file as it was read.

    * `path`: where it is, or would be; None: no file is read
    * `values`: those that it sets, else the defaults
    * `keys`: the paths of the keys that it sets, such as `colors.rose`
    * `complaints`: what is wrong in it
    * `distrust`: why the file must not name programs to run, or None
    * `state`: the state in which it was read
    * `is_locked`: its settings about read-only cannot be read, so that nothing may be written
    * `is_read`: there is a file, and it can be read as a whole
    * `shown`: its name in complaints
    """

    path: PurePath | None = None
    values: FileSettings = FileSettings()
    keys: frozenset[str] = frozenset()
    complaints: tuple[Complaint, ...] = ()
    distrust: str | None = None
    is_locked: bool = False
    is_read: bool = False
    shown: str = ""
    state: FileState = ()


NO_FILE: Final = ConfigFile()


FILE: Final = "file"
"""The origin of a setting from the config file."""

DEFAULT: Final = "default"


@dataclass(frozen=True, slots=True)
class Settings(FileSettings):
    """The settings of one session: those of the config file, some of them replaced by flags and variables, and more.

    With a `relay_url` the key is empty, and `api_url` is only a text to show.
    """

    api_url: str
    key: Secret
    branch: str | None = None
    expect_env: Annotated[str | None, ValueRule(option=Option(
        "--expect-env", "Refuse to act in any other environment (dev, prod …).", metavar="NAME", group="connection",
    ))] = None  # fmt: skip
    """The slug of the only environment in which actions are allowed."""

    realtime: Annotated[bool, ValueRule(option=Option(
        "--no-realtime", "Poll only.", switches=(False,), group="following",
    ))] = True  # fmt: skip
    """Whether to use the realtime feed."""

    has_title: Annotated[bool, ValueRule(option=Option(
        "--no-title", "Leave the terminal's title alone.", switches=(False,), variable="TRIGGER_TUI_TITLE",
        of_variable={"0": False, "1": True}, expected="0 (the terminal keeps its title) or 1",
    ))] = True  # fmt: skip
    """Whether the monitor sets the title of the terminal."""

    history: timedelta = timedelta(hours=24)
    """How far back to read runs at the start, up to `history_runs`."""

    history_runs: int = 5_000
    state_dir: PurePath = PurePath()
    """The folder of the action log."""

    relay_url: str | None = None
    relay_token: Secret = NO_SECRET
    relay_ca: PurePath | None = None
    file: ConfigFile = NO_FILE
    origins: Mapping[str, str] = field(default_factory=dict)
    """Where values come from, by their paths: a variable or a flag. Those that are missing come from the file, if it
    has them."""

    @property
    def may_write(self) -> bool:
        """Whether this session may cancel and replay runs, in an environment that the file does not protect."""
        return not self.read_only.everywhere and self.key.may_write

    @property
    def min_interval_s(self) -> float:
        """The least wait between two polls that the key allows."""
        return MIN_PUBLIC_INTERVAL_S if self.key.is_public else schema.MIN_INTERVAL_S

    @property
    def interval_s(self) -> float:
        """The wait between two polls."""
        return max(self.min_interval_s, self.interval)

    @property
    def zone(self) -> tzinfo:
        """The zone of all clocks on the screen."""
        return zone_of(self.timezone)

    def origin(self, name: str) -> str:
        """Return where a field comes from, or anything below it, such as `colors.rose`."""
        of_file = FILE if is_set(self.file, name) else DEFAULT
        return next((origin for path, origin in self.origins.items() if f"{path}.".startswith(f"{name}.")), of_file)


def is_set(file: ConfigFile, key: str) -> bool:
    """Return whether a file sets a key, or anything below it."""
    return any(each == key or each.startswith((f"{key}.", f"{key}[")) for each in file.keys)


# What the settings of the bell say for a word and a time of day.


def ring_of(bell: Bell, word: str) -> schema.Ring:
    """Return how to call the user for a word: that of a finding, such as FAILING, or NOT KNOWN."""
    own: schema.OwnRing = getattr(bell, word.lower().replace(" ", "_"))
    return bell.ring if own == "default" else own


def is_calling(bell: Bell) -> bool:
    """Return whether anything may call the user."""
    words = ("failing", "slow", "missing", "stuck", "not_known")
    return bool(bell.on_alert) or any(ring_of(bell, word) != "off" for word in words)


def is_quiet(spans: Iterable[str], at: datetime) -> bool:
    """Return whether a moment is in one of the spans, such as `22:00-07:00`: from the first minute until the second.

    `at` is in the zone of the settings: its clock decides, also on the days on which it is changed. A span that ends
    where it begins is the whole day.
    """
    return any(_holds(span, at.time()) for span in spans)


def _holds(span: str, at: time) -> bool:
    start, end = (time.fromisoformat(each) for each in span.split("-"))
    return start <= at < end if start < end else at >= start or at < end


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
    given: _Given = {
        "key": (_key(environ), "TRIGGER_SECRET_KEY"),
        "api_url": _api_url(environ, options.get("api_url")),
        "branch": _branch(environ),
    }
    return _settings(environ, options, given, file)


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
    given: _Given = {
        "api_url": (f"the API behind {url}", DEFAULT),
        "key": (NO_SECRET, DEFAULT),
        "interval": (FileSettings().interval, _RELAY),  # the relay sets the pace
        "realtime": (True, DEFAULT),
        _LOCK: (True, _RELAY),
        "relay_url": (url, _RELAY),
        "relay_token": (Secret(token), "TRIGGER_TUI_RELAY_TOKEN"),
        "relay_ca": (ca, "--tls-ca"),
    }
    return _settings(environ, options, given, file)


def _settings(environ: Mapping[str, str], options: Mapping[str, Any], given: _Given, file: ConfigFile) -> Settings:
    """Return the settings with those that flags and variables replace. What is `given` wins over the options."""
    settings = Settings(api_url="", key=NO_SECRET, state_dir=state_dir(environ))
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


def with_keys(settings: Settings, file: ConfigFile) -> Settings:
    """Return the settings with the keys and commands of their own file after a check."""
    commands = () if file.distrust else file.values.commands
    return replace(settings, file=file, keys=file.values.keys, commands=commands)


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
        raise SettingsError("TRIGGER_SECRET_KEY has invalid characters (a line break, a quote, a space?)")
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
        if text and not (variable == "TRIGGER_DEV_BRANCH" and text == DEFAULT):
            if not text.isprintable() or not text.isascii():
                raise SettingsError(f"{variable} has characters that no branch has")
            return text, variable
    return None, DEFAULT


def state_dir(environ: Mapping[str, str]) -> PurePath:
    """Return the folder of the files that the program keeps."""
    if state := environ.get("XDG_STATE_HOME", ""):
        return PurePath(state, "trigger-tui")
    return PurePath(environ.get("HOME", "/"), ".local", "state", "trigger-tui")
