"""The settings of one session as a frozen value, the file that some of them come from, and the bell."""

from collections.abc import Iterable, Mapping
from dataclasses import field
from datetime import UTC, datetime, time, timedelta, tzinfo
from pathlib import PurePath
from typing import TYPE_CHECKING, Final, NamedTuple

from tui.lazy_dataclass import dataclass
from tui.settings.secret import DEFAULT_INTERVAL_S, DEFAULT_MAX_RUNS, NO_SECRET, Secret

if TYPE_CHECKING:
    from tui.settings.schema import Bell, ColumnEntry, CommandEntry, FileSettings, ViewEntry


DEFAULT_API_URL: Final = "https://api.trigger.dev"
"""The default of the official SDK (`apiClientManager` of @trigger.dev/core)."""


MIN_PUBLIC_INTERVAL_S: Final = 10.0
"""The minimum with a public token, which may send 60 requests a minute."""

UNBIND: Final = "unbind"
"""In place of a key: the binding has none."""


def bound_keys(own: str | tuple[str, ...]) -> tuple[str, ...]:
    """Return the keys of a binding as the file writes them: one, a list, or `UNBIND` for none."""
    return tuple(key for key in ((own,) if isinstance(own, str) else own) if key != UNBIND)


class Problem(NamedTuple):
    """What is wrong at a key path. `is_remark`: the value is used all the same."""

    where: str
    text: str
    is_remark: bool = False


@dataclass(frozen=True, slots=True)
class Complaint:
    """One thing that is wrong in the config file, as one line.

    * `file`: the path as it is shown, with `~` for the home folder
    * `where`: a key path (`colors.rose`), a line (`line 3`), or "" for the file as a whole
    * `text`: what was expected and what is there
    * `is_remark`: the value is used all the same
    """

    file: str
    where: str
    text: str
    is_remark: bool = False

    def __str__(self) -> str:
        return ": ".join(part for part in (self.file, self.where, self.text) if part)


@dataclass(frozen=True, slots=True)
class FileState:
    """What distinguishes two states of a file without reading it. All are 0 where there is none."""

    device: int = 0
    inode: int = 0
    size: int = 0
    modified_ns: int = 0
    mode: int = 0


@dataclass(frozen=True, slots=True)
class ConfigFile:
    """The config file as it was read.

    * `path`: where it is, or would be; None: no file is read
    * `values`: None where there is no file, or it cannot be read as a whole
    * `keys`: the paths of the keys that it sets, such as `colors.rose`
    * `complaints`: what is wrong in it
    * `distrust`: why the file must not name programs to run, or None
    * `state`: the state in which it was read
    * `is_locked`: its settings about read-only cannot be read, so that nothing may be written
    """

    path: PurePath | None = None
    values: "FileSettings | None" = None
    keys: frozenset[str] = frozenset()
    complaints: tuple[Complaint, ...] = ()
    distrust: str | None = None
    is_locked: bool = False
    state: FileState = field(default_factory=FileState)


NO_FILE: Final = ConfigFile()


_LONG_NAMES: Final = {"dev": "development", "stg": "staging", "prod": "production"}
"""The kinds of environments by what servers call them. Users may write either."""


def _long_name(environment: str) -> str:
    name = environment.casefold()
    return _LONG_NAMES.get(name, name)


@dataclass(frozen=True, slots=True)
class ReadOnlyIn:
    """The environments in which the config file forbids writing."""

    production: bool = False
    environments: tuple[str, ...] = ()

    def forbids(self, name: str | None, *, is_production: bool) -> bool:
        """Return whether nothing may be written in an environment. `name` is None while it is unknown."""
        if self.production and is_production:
            return True
        if not self.environments:
            return False
        return name is None or _long_name(name) in map(_long_name, self.environments)


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of one session. With a `relay_url` the key is empty, and `api_url` is only a text to show."""

    api_url: str
    key: Secret
    branch: str | None = None
    read_only: bool = False
    read_only_in: ReadOnlyIn = field(default_factory=ReadOnlyIn)
    """The environments that the config file protects."""

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

    theme: str = "auto"
    """`auto`, or the name of a color mode."""

    colors: Mapping[str, str] = field(default_factory=dict)
    """Own colours by role; those of the palette otherwise."""

    timezone: str = "UTC"
    zone: tzinfo = UTC
    """The zone of all clocks on the screen; `timezone` is its name in the settings."""

    history: timedelta = timedelta(hours=24)
    """How far back to read runs at the start, up to `history_runs`."""

    history_runs: int = 5_000
    max_runs: int = DEFAULT_MAX_RUNS
    """How many runs are kept in memory; the oldest ones that have ended are dropped first."""

    state_dir: PurePath = PurePath()
    """The folder of the action log."""

    relay_url: str | None = None
    relay_token: Secret = NO_SECRET
    relay_ca: PurePath | None = None

    columns: "Mapping[str, tuple[str | ColumnEntry, ...]]" = field(default_factory=dict)
    """Own columns by view (`runs`, `errors`). A view that is absent has the program's own choice."""

    keys: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Own keys by the id of a binding, as the file writes them; empty: the binding has no key."""

    views: "tuple[ViewEntry, ...]" = ()
    commands: "tuple[CommandEntry, ...]" = ()
    editor: tuple[str, ...] = ()
    """The editor and its arguments; empty: that of the variables."""

    pager: tuple[str, ...] = ()
    dashboard_url: str | None = None
    bell: "Bell | None" = None
    """How the monitor calls the user; None: not at all."""

    file: ConfigFile = NO_FILE
    origins: Mapping[str, str] = field(default_factory=dict)
    """Where each field comes from: a variable, a flag, `file` or `default`."""

    @property
    def may_write(self) -> bool:
        """Whether this session may cancel and replay runs, in an environment that the file does not protect."""
        return not self.read_only and self.key.may_write


# What the settings of the bell say for a word and a time of day.


FINDING_FIELDS: Final = ("failing", "slow", "missing", "stuck")
"""The words of findings that may have a ring of their own."""


@dataclass(frozen=True, slots=True)
class Rings:
    """How to call the user."""

    bell: bool = False
    notice: bool = False

    def __or__(self, other: "Rings") -> "Rings":
        return Rings(self.bell or other.bell, self.notice or other.notice)


def rings_for(bell: "Bell | None", word: str) -> Rings:
    """Return how to call the user for a word: that of a finding, such as FAILING, or NOT KNOWN."""
    if bell is None:
        return Rings()
    ring = getattr(bell, word.lower().replace(" ", "_"))
    if ring == "default":
        ring = bell.ring
    return Rings(bell=ring in {"bell", "both"}, notice=ring in {"notice", "both"})


def is_calling(bell: "Bell | None") -> bool:
    """Return whether anything may call the user."""
    words = (*FINDING_FIELDS, "not_known")
    return bell is not None and (bool(bell.on_alert) or any(rings_for(bell, word) != Rings() for word in words))


def is_quiet(spans: Iterable[str], at: datetime) -> bool:
    """Return whether a moment is in one of the spans, such as `22:00-07:00`: from the first minute until the second.

    `at` is in the zone of the settings: its clock decides, also on the days on which it is changed. A span that ends
    where it begins is the whole day.
    """
    return any(_holds(span, at.time()) for span in spans)


def _holds(span: str, at: time) -> bool:
    start, end = (time.fromisoformat(each) for each in span.split("-"))
    return start <= at < end if start < end else at >= start or at < end
