"""The settings of the config file: their types, bounds, defaults and descriptions.

The reader, `trigger-tui config --init` and `--schema` are made from these dataclasses, so a description here is the
documentation. They are also the values of a session without a file, so this module does not import pydantic.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import field, fields, replace
from typing import Annotated, Any, Final, Literal, NamedTuple, TypeGuard, TypeVar, get_args, get_origin

from tui.lazy_dataclass import dataclass
from tui.settings.secret import SettingsError, has_zones, is_zone

DEFAULT_INTERVAL_S: Final = 2.0
"""The wait between two reads of the newest page, which costs 5 of the 250 requests allowed in 10 s."""
MIN_INTERVAL_S: Final = 0.5

DEFAULT_MAX_RUNS: Final = 100_000
MIN_MAX_RUNS: Final = 1_000
MAX_MAX_RUNS: Final = 500_000
MAX_INTERVAL_S: Final = 3600
MAX_ENTRIES: Final = 200
"""Entries of one list: commands, views, columns."""

MAX_TEXT_CHARS: Final = 1_000


class Option(NamedTuple):
    """The flags and the variable that replace a setting for one start.

    * `flags`: as click writes them: `--interval`, which takes a value, or `--slow/--no-slow`
    * `help`: the sentence of `--help`
    * `switches`: the value that each of the flags stands for, where they take none
    * `metavar`: the meaning of a text
    * `variable`, `of_variable`: its name, and the value of each of its texts
    * `expected`: completes the sentence "VARIABLE must be …"
    * `group`: the commands that have it: all that follow runs, all with a connection, or the monitor alone
    """

    flags: str
    help: str
    switches: tuple[Any, ...] = ()
    metavar: str | None = None
    variable: str = ""
    of_variable: Mapping[str, Any] = {}
    expected: str = ""
    group: Literal["monitor", "following", "connection"] = "monitor"

    @property
    def name(self) -> str:
        """The name of click's parameter."""
        return self.flags.partition("/")[0].lstrip("-").replace("-", "_")

    def chosen(self, given: Any, environ: Mapping[str, str]) -> tuple[Any, str] | None:
        """Return the value that a flag or the variable sets, and which of them. Raises `SettingsError`.

        `given` is click's value; None, and False of a single switch: the flag is not there.
        """
        text = environ.get(self.variable, "").strip()
        if text and text not in self.of_variable:
            raise SettingsError(f"{self.variable} must be {self.expected}")
        flags = dict(zip((True, False), self.flags.split("/"), strict=False))
        if self.switches and given in flags:
            return self.switches[not given], flags[given]
        if not self.switches and given is not None:
            return given, self.flags
        return (self.of_variable[text], self.variable) if text else None


class Live(NamedTuple):
    """How the command line of the monitor sets a setting until the program ends, as `:set NAME VALUE`.

    * `sentence`: its meaning
    * `suggested`: values to choose from, each with a sentence or ""
    * `words`: the effect, with `{}` for the value
    """

    sentence: str
    suggested: Mapping[str, str]
    words: str


@dataclass(frozen=True, slots=True, eq=False)
class ValueRule:
    """The rule of a value, beyond its type, and everything else that is known of the setting.

    * `expected`: completes the sentence "expected …" about a wrong value; a switch and a `Literal` have their own words
    * `may_be_text`: the file may have a text here. It is read as a list with that text alone, or as a table whose first
      field it is
    * `check`: says what is expected instead of a value; "" where it is right
    * `option`, `live`: other ways to set it
    * `at_start`: a change of the file takes effect at the next start; else at once
    """

    expected: str = ""
    may_be_text: bool = False
    check: Callable[[Any], str] | None = None
    option: Option | None = None
    live: Live | None = None
    at_start: bool = False
    pattern: str | None = None
    min_length: int | None = None
    max_length: int | None = None
    ge: float | None = None
    le: float | None = None

    @property
    def bounds(self) -> dict[str, Any]:
        """The bounds by the names that pydantic has for them."""
        bounds = {name: getattr(self, name) for name in ("pattern", "min_length", "max_length", "ge", "le")}
        # In Python, `$` also matches before a line break at the end. This lookahead forbids it, as JSON Schema does.
        bounds["pattern"] = None if self.pattern is None else rf"{self.pattern}(?!\n)"
        return {name: bound for name, bound in bounds.items() if bound is not None}


def ruled(annotation: Any) -> tuple[Any, ValueRule]:
    """Return a type without its rule, and the rule."""
    kind, rule = get_args(annotation) if get_origin(annotation) is Annotated else (annotation, ValueRule())
    return kind, rule


def expected(annotation: Any) -> str:
    """Return the words for the values that a type allows."""
    kind, rule = ruled(annotation)
    if rule.expected or kind is bool:
        return rule.expected or "true or false"
    *words, last = (f'"{word}"' for word in get_args(kind)) if get_origin(kind) is Literal else ("a table",)
    return f"{', '.join(words)} or {last}" if words else last


def _line(expected: str, **bounds: Any) -> ValueRule:
    """Return the rule of a text that is shown: it has no control characters."""
    return ValueRule(expected, pattern=r"^[^\x00-\x1f\x7f-\x9f]*$", **bounds)


Color = Annotated[str, ValueRule("a colour such as #aabbcc", pattern=r"^#[0-9A-Fa-f]{6}$")]
_QUOTED: Final = r'"([^"\\\x00-\x1f\x7f-\x9f]|\\.)*"'
COLUMN_PATTERN: Final = (
    r'^([a-z][a-z-]*|(metadata|payload|output)(\.[^.\[\]"\x00-\x20\x7f-\x9f]+|'
    rf"\.{_QUOTED}|\[-?[0-9]{{1,9}}\]|\[{_QUOTED}\])+)$"
)
"""The id of a column, or a path."""

_A_TEXT: Final = f"a text of at most {MAX_TEXT_CHARS:,} characters without a null character"
Argument = Annotated[str, ValueRule(_A_TEXT, pattern=r"^[^\x00]*$", max_length=MAX_TEXT_CHARS)]
Program = Annotated[
    tuple[Argument, ...], ValueRule('a list of a program and its arguments, such as ["less", "-R"]', max_length=64)
]
KeyName = Annotated[str, ValueRule("a key as `?` shows it, such as G, ctrl-g or F5", pattern=r"^[!-~]{1,20}$")]
OwnKeys = Annotated[
    tuple[KeyName, ...], ValueRule("a key such as G, a list of keys, or unbind", may_be_text=True, max_length=20)
]
BindingId = Annotated[str, ValueRule("the id of a binding, such as next-error", pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")]
EnvironmentName = Annotated[
    str, ValueRule("the name of an environment, such as prod", pattern=r"^[A-Za-z0-9_-]+$", max_length=100)
]
_A_ZONE: Final = '"UTC", "local" or a time zone such as "Europe/Berlin"'
_TIME: Final = "([01][0-9]|2[0-3]):[0-5][0-9]"
QuietHours = Annotated[str, ValueRule("a time of day such as 22:00-07:00", pattern=f"^{_TIME}-{_TIME}$")]
Variable = Annotated[str, ValueRule("the name of a variable", pattern=r"^[A-Za-z_][A-Za-z0-9_]*$", max_length=100)]


@dataclass(frozen=True, slots=True)
class ConfigTable:
    """The base of all tables of the file."""

    @property
    def filled(self) -> dict[str, Any]:
        """The fields that are not empty, by their names."""
        return {each.name: value for each in fields(self) if (value := getattr(self, each.name))}


T = TypeVar("T", bound=ConfigTable)


def with_value(table: T, path: str, value: Any) -> T:
    """Return a table with another value at a path such as `link.slow`."""
    name, _, rest = path.partition(".")
    return replace(table, **{name: with_value(getattr(table, name), rest, value) if rest else value})


def value_at(table: ConfigTable, path: str) -> Any:
    """Return the value at a path."""
    found: Any = table
    for name in path.split("."):
        found = getattr(found, name)
    return found


def is_table(kind: Any) -> TypeGuard[type[ConfigTable]]:
    return isinstance(kind, type) and issubclass(kind, ConfigTable)


def entry_type(kind: Any) -> type[ConfigTable] | None:
    """Return the type of the tables in a list; None for any other type."""
    entry = ruled(get_args(kind)[0])[0] if get_origin(kind) is tuple else None
    return entry if is_table(entry) else None


def settings_in(kind: type[ConfigTable], path: str = "") -> Iterator[tuple[str, Any, ValueRule]]:
    """Yield the path, the annotation and the rule of every setting, a table before its own settings. Entries of lists
    are left out.
    """
    for each in fields(kind):
        table, rule = ruled(each.type)
        yield f"{path}{each.name}", each.type, rule
        if is_table(table):
            yield from settings_in(table, f"{path}{each.name}.")


def _wanted_zone(name: str) -> str:
    if is_zone(name):
        return ""
    if has_zones():
        return _A_ZONE
    return '"UTC" or "local", as no other zones are known here (tzdata is not installed)'


@dataclass(frozen=True, slots=True)
class Colors(ConfigTable):
    """Colours of your own theme, by what they are used for. Each replaces that colour of the dark or light theme.

    Terminals without colours of 24 bits get the nearest of their 256. A text colour with a contrast below 4.5:1 on the
    background is reported.
    """

    bg: Color = ""
    """The background of the page."""

    surface: Color = ""
    """The background of the header and the footer."""

    cursor: Color = ""
    """The row of the cursor."""

    cursor2: Color = ""
    """The row of the cursor in a pane without the focus."""

    dialog: Color = ""
    """The background of dialogs."""

    line: Color = ""
    """Rules between panes."""

    guide: Color = ""
    """Lines of the tree."""

    spark: Color = ""
    """Bars of charts."""

    bright: Color = ""
    """Text that stands out."""

    text: Color = ""
    """Text."""

    muted: Color = ""
    """Text of less importance."""

    faint: Color = ""
    """Text of least importance."""

    accent: Color = ""
    """Keys, the focus, what was found."""

    rose: Color = ""
    """Failed runs and errors."""

    amber: Color = ""
    """Warnings, and the production environment."""

    blue: Color = ""
    """Running work."""

    green: Color = ""
    """Completed runs."""

    chip: Color = ""
    """The background of the name of a production environment."""

    failbg: Color = ""
    """The background of the worst finding on the wall."""


@dataclass(frozen=True, slots=True)
class ReadOnly(ConfigTable):
    """Where runs can only be watched. Each of these settings, `--read-only` or the key alone forbids cancel and replay.

    No flag allows what this table forbids; a change of the file takes effect at once. While a setting in this table is
    wrong, everything is read-only.
    """

    everywhere: Annotated[
        bool, ValueRule(option=Option("--read-only", "Disable cancel and replay.", switches=(True,)))
    ] = False
    """Forbid cancel and replay in every environment."""

    production: bool = False
    """Forbid cancel and replay in production, and while the environment is unknown."""

    environments: Annotated[
        tuple[EnvironmentName, ...], ValueRule('a list of names such as ["prod", "staging"]', max_length=MAX_ENTRIES)
    ] = ()
    """Forbid them in these environments, such as ["prod", "staging"], and while the environment is unknown."""

    def forbids(self, name: str | None, *, is_production: bool) -> bool:
        """Return whether nothing may be written in an environment. `name` is None while it is unknown."""
        if self.production and is_production:
            return True
        if not self.environments:
            return False
        return name is None or _long_name(name) in map(_long_name, self.environments)


_LONG_NAMES: Final = {"dev": "development", "stg": "staging", "prod": "production"}
"""The kinds of environments by what servers call them. Users may write either."""


def _long_name(environment: str) -> str:
    name = environment.casefold()
    return _LONG_NAMES.get(name, name)


@dataclass(frozen=True, slots=True)
class Link(ConfigTable):
    """The speed of the connection to your terminal."""

    slow: Annotated[Literal["auto", "always", "never"], ValueRule(option=Option(
        "--slow/--no-slow", "Save bytes: always or never [default: when the terminal's link is slow].",
        switches=("always", "never"), variable="TRIGGER_TUI_SLOW", of_variable={"1": "always", "0": "never"},
        expected="0 (never save bytes) or 1 (always)",
    ))] = "auto"  # fmt: skip
    """When to save bytes: while the link is slow, always, or never."""


Ring = Literal["off", "bell", "notice", "both"]
OwnRing = Literal["default", "off", "bell", "notice", "both"]


@dataclass(frozen=True, slots=True)
class Bell(ConfigTable):
    """How the monitor alerts you when a finding is new, as on the wall: by the terminal's bell, a notice, a command.

    A finding that is there at the start is new only if it began within the minute before, and no earlier start has
    alerted you of it: after a restart, no finding rings a second time. One that went and comes back within ten minutes
    is not new either. While anything here is on, the monitor reads the facts of the wall also while the wall is not
    shown.
    """

    ring: Annotated[Ring, ValueRule(live=Live("How a new finding alerts you: off, bell, notice, both", {
        "off": "Nothing", "bell": "The bell of the terminal", "notice": "A notice on the desktop",
        "both": "The bell and a notice",
    }, "a new finding alerts by: {}"))] = "off"  # fmt: skip
    """Ring the terminal's bell, send a notice to the desktop through the terminal, or both. In tmux, a notice needs its
    option `allow-passthrough on`."""

    failing: OwnRing = "default"
    """Replaces `ring` for FAILING; "default": as `ring`."""

    slow: OwnRing = "default"
    """Replaces `ring` for SLOW; "default": as `ring`."""

    missing: OwnRing = "default"
    """Replaces `ring` for MISSING; "default": as `ring`."""

    stuck: OwnRing = "default"
    """Replaces `ring` for STUCK; "default": as `ring`."""

    not_known: Ring = "off"
    """The same as `ring`, for NOT KNOWN: no answer from the server for 45 s."""

    quiet_hours: Annotated[
        tuple[QuietHours, ...], ValueRule('a list of times such as ["22:00-07:00"]', max_length=MAX_ENTRIES)
    ] = ()
    """Times of day without a bell or notice, in the zone of `timezone`, such as ["22:00-07:00"]."""

    on_alert: Program = ()
    """A program that gets each new finding as JSON on its stdin, whatever `ring` says, also in quiet hours (then
    `quiet` is true). No shell is involved; it may run for 30 s. It runs only if nobody else may write this file. It may
    also stand above all tables."""


@dataclass(frozen=True, slots=True)
class Programs(ConfigTable):
    """Other programs that the monitor starts for you, as lists of arguments. No shell is involved."""

    editor: Program = ()
    """The editor; an empty list: $VISUAL, then $EDITOR."""

    pager: Program = ()
    """The pager; an empty list: $PAGER."""


@dataclass(frozen=True, slots=True)
class Dashboard(ConfigTable):
    """The dashboard of Trigger.dev."""

    url: Annotated[str, ValueRule(
        "an address such as https://cloud.trigger.dev", max_length=MAX_TEXT_CHARS,
        pattern=r"^(https?://[A-Za-z0-9.:\[\]_-]+(/[A-Za-z0-9._~-]+)*/?)?$",
    )] = ""  # fmt: skip
    """The dashboard's address. Empty: the address that the server sends."""


@dataclass(frozen=True, slots=True)
class ColumnEntry(ConfigTable):
    """A column with more than its name."""

    column: Annotated[
        str,
        ValueRule("a column such as task, or a path such as metadata.progress", pattern=COLUMN_PATTERN, max_length=200),
    ]
    """A column, or a path into metadata, payload or output."""

    title: Annotated[str, _line("a short text", max_length=40)] = ""
    """The title. Empty: the name of the column."""

    width: Annotated[int, ValueRule("a whole number from 0 to 200", ge=0, le=200)] = 0
    """The width in cells; 0: the usual one of its type."""

    type: Literal["auto", "text", "number", "bar", "duration", "time", "bytes", "cents", "money", "bool"] = "auto"
    """How a value out of metadata, payload or output is shown; a bar is for numbers from 0 to 1."""

    format: Annotated[str, _line("a short text", max_length=20)] = ""
    """How it is written. Numbers: ".1f", ",d", "{:.1f} km"; money: "€"; durations: their unit, "s" or "ms"; times:
    "%H:%M"; truth: "yes/no". Empty: the usual form."""


OwnColumn = Annotated[
    ColumnEntry, ValueRule("a column such as task, or a path such as metadata.progress or a table", may_be_text=True)
]
ColumnList = Annotated[
    tuple[OwnColumn, ...], ValueRule('a list of columns such as ["status", "task", "took"]', max_length=50)
]


@dataclass(frozen=True, slots=True)
class OwnColumns(ConfigTable):
    """Columns of the lists, in their order. An empty list: the columns that the program chooses.

    A column is a name, a path such as "metadata.progress", or a table:
    { column = "metadata.progress", title = "progress", type = "bar", width = 12 }.
    """

    runs: ColumnList = ()
    """Columns of the list of runs."""

    errors: ColumnList = ()
    """Columns of the errors view."""


@dataclass(frozen=True, slots=True)
class ViewEntry(ConfigTable):
    """A saved view."""

    name: Annotated[str, _line("a text of 1 to 60 characters", min_length=1, max_length=60)]
    """The name of the view."""

    address: Annotated[str, ValueRule(
        "an address such as runs?status=failed", pattern=r"^[a-z]+\?[^\x00-\x1f\x7f-\x9f]*$", max_length=MAX_TEXT_CHARS,
    )]  # fmt: skip
    """What it shows, such as runs?task=charge-*&status=failed."""

    letter: Annotated[str, ValueRule("one letter or digit", pattern=r"^[A-Za-z0-9]?$")] = ""
    """The letter that opens it after '."""


@dataclass(frozen=True, slots=True)
class CommandEntry(ConfigTable):
    """A command of your own on the selection."""

    name: Annotated[str, _line("a text of 1 to 40 characters", min_length=1, max_length=40)]
    """The command's name in the footer."""

    command: Annotated[
        tuple[Argument, ...], ValueRule('a list such as ["sentry-open", "{run.id}"]', min_length=1, max_length=64)
    ]
    """The program and its arguments. {run.id}, {task.id} and others stand for values of the selection."""

    key: Annotated[str, ValueRule("a key as `?` shows it, such as G, ctrl-g or F5", pattern=r"^[!-~]{0,20}$")] = ""
    """The key that runs it: a capital letter, or any free key if `readonly`. Empty: run it by : and its name."""

    scope: Literal["run", "task", "error group", "marks"] = "run"
    """What it is about: the "run", its "task", the "error group" of the errors view, or the "marks"."""

    confirm: bool = False
    """Ask before it runs. It always asks before a value that begins with -, and in production unless it is readonly.
    """

    background: bool = False
    """Run in the background: its output is in the messages."""

    production: bool = True
    """Offer it in production, and while the environment is unknown."""

    readonly: bool = False
    """It changes nothing: offer it in a read-only session, and do not ask in production."""

    env: Annotated[
        tuple[Variable, ...], ValueRule('a list of names such as ["TRIGGER_SECRET_KEY"]', max_length=20)
    ] = ()
    """Secret variables to hand over: ["TRIGGER_SECRET_KEY"] or none."""


THEMES: Final = {
    "auto": "The colours that fit the terminal",
    "dark": "Dark colours",
    "light": "Light colours",
    "16": "The terminal's own colours",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class FileSettings(ConfigTable):
    """The settings of trigger-tui."""

    theme: Annotated[Literal["auto", "dark", "light", "16"], ValueRule(
        option=Option("--theme", "The colours; 16 uses those of the terminal [default: auto]."),
        live=Live("The colours: dark, light, 16", THEMES, "{} colours"),
    )] = "auto"  # fmt: skip
    """The colours: those that fit the terminal, dark, light, or the terminal's own sixteen."""

    interval: Annotated[float, ValueRule(
        f"a number of seconds from {MIN_INTERVAL_S:g} to {MAX_INTERVAL_S:g}", ge=MIN_INTERVAL_S, le=MAX_INTERVAL_S,
        option=Option("--interval", "Seconds between polls [default: 2, or as in the config file].", group="following"),
        live=Live("Seconds between two reads of the list", dict.fromkeys(("1", "2", "5", "10", "30", "60"), ""),
                  "the list is read every {:g} s"),
    )] = DEFAULT_INTERVAL_S  # fmt: skip
    """Seconds between two reads of the list, where no feed reports changes. A public token needs at least 10."""

    max_runs: Annotated[int, ValueRule(
        f"a whole number from {MIN_MAX_RUNS:,} to {MAX_MAX_RUNS:,}, written without commas",
        ge=MIN_MAX_RUNS, le=MAX_MAX_RUNS, at_start=True,
    )] = DEFAULT_MAX_RUNS  # fmt: skip
    """How many runs are kept in memory: 1.2 MB for each 1,000. The oldest ended ones are dropped first."""

    timezone: Annotated[str, ValueRule(
        _A_ZONE, pattern=r"^[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+)*$", max_length=60, check=_wanted_zone,
        live=Live("The zone of all clocks: UTC, local, Europe/Berlin …",
                  {"UTC": "", "local": "the zone of this machine"}, "all clocks show {}"),
    )] = "UTC"  # fmt: skip
    """The zone of all clocks: "UTC", "local", or a name such as "Europe/Berlin". The header says which."""

    read_only: ReadOnly = ReadOnly()
    link: Link = Link()
    colors: Colors = Colors()
    columns: OwnColumns = OwnColumns()
    keys: dict[BindingId, OwnKeys] = field(default_factory=dict)
    """Keys of your own: the id of a binding, and its key, a list of keys, or unbind.

    Quitting, Esc and the keys of confirmations stay as they are. Actions need a capital letter. Where something is
    typed, letters are text. `?` shows the keys that work, `trigger-tui config --keys` all.
    """

    views: Annotated[tuple[ViewEntry, ...], ValueRule("a list of tables", max_length=200)] = ()
    """Views of your own, opened by ' and a letter."""

    commands: Annotated[tuple[CommandEntry, ...], ValueRule("a list of tables", max_length=200)] = ()
    """Commands of your own. No shell is involved: each value of the selection is one argument.

    They run only if nobody else may write this file.
    """

    programs: Annotated[Programs, ValueRule(at_start=True)] = Programs()
    dashboard: Annotated[Dashboard, ValueRule(at_start=True)] = Dashboard()
    bell: Bell = Bell()
