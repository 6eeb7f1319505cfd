"""The settings of one session as a frozen value, the file that some of them come from, and the bell."""

from collections.abc import Iterable, Mapping
from dataclasses import field
from datetime import datetime, time, timedelta, tzinfo
from pathlib import PurePath
from typing import Annotated, Final

from tui.lazy_dataclass import dataclass
from tui.settings.schema import Bell, FileSettings, Option, ValueRule
from tui.settings.secret import MIN_INTERVAL_S, NO_SECRET, Secret, zone_of

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
"""What distinguishes two states of a file without reading it; empty where there is none."""


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
        return MIN_PUBLIC_INTERVAL_S if self.key.is_public else MIN_INTERVAL_S

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


@dataclass(frozen=True, slots=True)
class Rings:
    """How to call the user."""

    bell: bool = False
    notice: bool = False


def rings_for(bell: Bell, word: str) -> Rings:
    """Return how to call the user for a word: that of a finding, such as FAILING, or NOT KNOWN."""
    ring = getattr(bell, word.lower().replace(" ", "_"))
    if ring == "default":
        ring = bell.ring
    return Rings(bell=ring in {"bell", "both"}, notice=ring in {"notice", "both"})


def is_calling(bell: Bell) -> bool:
    """Return whether anything may call the user."""
    words = ("failing", "slow", "missing", "stuck", "not_known")
    return bool(bell.on_alert) or any(rings_for(bell, word) != Rings() for word in words)


def is_quiet(spans: Iterable[str], at: datetime) -> bool:
    """Return whether a moment is in one of the spans, such as `22:00-07:00`: from the first minute until the second.

    `at` is in the zone of the settings: its clock decides, also on the days on which it is changed. A span that ends
    where it begins is the whole day.
    """
    return any(_holds(span, at.time()) for span in spans)


def _holds(span: str, at: time) -> bool:
    start, end = (time.fromisoformat(each) for each in span.split("-"))
    return start <= at < end if start < end else at >= start or at < end
