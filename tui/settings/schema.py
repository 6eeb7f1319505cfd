"""The settings of the config file: their types, bounds, defaults and descriptions.

The reader, `trigger-tui config --init` and `--schema` are made from these Structs, so a description here is the
documentation. Only modules that need a file import this one: it loads msgspec. In `Meta.extra`, `expected` completes
the sentence "expected …" about a wrong value. Other rooms use the values, but import the types for annotations alone.
"""

from typing import Annotated, Any, Final, Literal

from msgspec import Meta, Struct, field

from tui.settings.secret import DEFAULT_INTERVAL_S, DEFAULT_MAX_RUNS, MAX_MAX_RUNS, MIN_INTERVAL_S, MIN_MAX_RUNS

MAX_INTERVAL_S: Final = 3600.0
MAX_ENTRIES: Final = 200
"""Entries of one list: commands, views, columns."""

MAX_TEXT_CHARS: Final = 1_000


def _meta(description: str, expected: str, **bounds: Any) -> Meta:
    pattern: str = bounds.get("pattern", "")
    if pattern.endswith("$"):
        # Without this, Python accepts a line break after the end. JSON Schema does not.
        bounds["pattern"] = rf"{pattern}(?!\n)"
    return Meta(description=description or None, extra={"expected": expected}, **bounds)


def _line(description: str, expected: str, **bounds: Any) -> Meta:
    """Return what a text that is shown needs: it has no control characters."""
    return _meta(description, expected, pattern=r"^[^\x00-\x1f\x7f-\x9f]*$", **bounds)


_SWITCH: Final = "true or false"
_ARGUMENTS: Final = 'a list of a program and its arguments, such as ["less", "-R"]'

_QUOTED: Final = r'"([^"\\\x00-\x1f\x7f-\x9f]|\\.)*"'
COLUMN_PATTERN: Final = (
    r'^([a-z][a-z-]*|(metadata|payload|output)(\.[^.\[\]"\x00-\x20\x7f-\x9f]+|'
    rf"\.{_QUOTED}|\[-?[0-9]{{1,9}}\]|\[{_QUOTED}\])+)$"
)
"""The id of a column, or a path."""

Color = Annotated[str, _meta("", "a colour such as #aabbcc", pattern=r"^#[0-9A-Fa-f]{6}$")]
Argument = Annotated[
    str,
    _meta(
        "",
        f"a text of at most {MAX_TEXT_CHARS:,} characters without a null character",
        max_length=MAX_TEXT_CHARS,
        pattern=r"^[^\x00]*$",
    ),
]
Arguments = tuple[Argument, ...]
KeyName = Annotated[str, _meta("", "a key as `?` shows it, such as G, ctrl-g or F5", pattern=r"^[!-~]{1,20}$")]
KeyNames = Annotated[tuple[KeyName, ...], Meta(max_length=20)]
BindingId = Annotated[str, _meta("", "the id of a binding, such as next-error", pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")]
ColumnName = Annotated[
    str, _meta("", "a column such as task, or a path such as metadata.progress", pattern=COLUMN_PATTERN, max_length=200)
]
EnvironmentName = Annotated[
    str, _meta("", "the name of an environment, such as prod", pattern=r"^[A-Za-z0-9_-]+$", max_length=100)
]
_TIME: Final = "([01][0-9]|2[0-3]):[0-5][0-9]"
QuietHours = Annotated[str, _meta("", "a time of day such as 22:00-07:00", pattern=f"^{_TIME}-{_TIME}$")]
Variable = Annotated[str, _meta("", "the name of a variable", pattern=r"^[A-Za-z_][A-Za-z0-9_]*$", max_length=100)]


class Table(Struct, frozen=True, forbid_unknown_fields=True):
    """The base of all tables of the file."""


class Colors(Table, frozen=True):
    """Colours of your own theme, by what they are used for. Each replaces that colour of the dark or light theme.

    Terminals without colours of 24 bits get the nearest of their 256. A text colour with a contrast below 4.5:1 on the
    background is reported.
    """

    bg: Annotated[Color | None, Meta(description="The background of the page.")] = None
    surface: Annotated[Color | None, Meta(description="The background of the header and the footer.")] = None
    cursor: Annotated[Color | None, Meta(description="The row of the cursor.")] = None
    cursor2: Annotated[Color | None, Meta(description="The row of the cursor in a pane without the focus.")] = None
    dialog: Annotated[Color | None, Meta(description="The background of dialogs.")] = None
    line: Annotated[Color | None, Meta(description="Rules between panes.")] = None
    guide: Annotated[Color | None, Meta(description="Lines of the tree.")] = None
    spark: Annotated[Color | None, Meta(description="Bars of charts.")] = None
    bright: Annotated[Color | None, Meta(description="Text that stands out.")] = None
    text: Annotated[Color | None, Meta(description="Text.")] = None
    muted: Annotated[Color | None, Meta(description="Text of less importance.")] = None
    faint: Annotated[Color | None, Meta(description="Text of least importance.")] = None
    accent: Annotated[Color | None, Meta(description="Keys, the focus, what was found.")] = None
    rose: Annotated[Color | None, Meta(description="Failed runs and errors.")] = None
    amber: Annotated[Color | None, Meta(description="Warnings, and the production environment.")] = None
    blue: Annotated[Color | None, Meta(description="Running work.")] = None
    green: Annotated[Color | None, Meta(description="Completed runs.")] = None
    chip: Annotated[Color | None, Meta(description="The background of the name of a production environment.")] = None
    failbg: Annotated[Color | None, Meta(description="The background of the worst finding on the wall.")] = None


class ReadOnly(Table, frozen=True):
    """Where runs can only be watched. Any of these settings, `--read-only` and the key each forbid writing.

    No flag allows what this table forbids; a change of the file takes effect at once. While a setting in this table is
    wrong, everything is read-only.
    """

    everywhere: Annotated[bool, _meta("Forbid cancel and replay in every environment.", _SWITCH)] = False
    production: Annotated[bool, _meta("Forbid them in production, and while the environment is unknown.", _SWITCH)] = (
        False
    )
    environments: Annotated[
        tuple[EnvironmentName, ...],
        _meta(
            'Forbid them in these environments, such as ["prod", "staging"], and while the environment is unknown.',
            'a list of names such as ["prod", "staging"]',
            max_length=MAX_ENTRIES,
        ),
    ] = ()


class Link(Table, frozen=True):
    """The link to your terminal."""

    slow: Annotated[
        Literal["auto", "always", "never"],
        _meta("When to save bytes: while the link is slow, always, or never.", '"auto", "always" or "never"'),
    ] = "auto"


Ring = Literal["off", "bell", "notice", "both"]
_RINGS: Final = '"off", "bell", "notice" or "both"'


def _ring_of(word: str) -> Meta:
    return _meta(f'As `ring`, for {word} alone; "default": as `ring` says.', f'"default", {_RINGS}')


OwnRing = Literal["default", "off", "bell", "notice", "both"]


class Bell(Table, frozen=True):
    """How the monitor calls you when a finding is new, as on the wall: by the terminal's bell, a notice, a command.

    A finding that is there at the start is new only if it began within the minute before, and no earlier start has
    called you for it: a restart rings for what began meanwhile, and for nothing twice. One that went and comes back
    within ten minutes is not new either. While anything here is on, the monitor reads the facts of the wall also while
    the wall is not shown.
    """

    ring: Annotated[
        Ring,
        _meta(
            "Ring the terminal's bell, send a notice to the desktop through the terminal, or both. In tmux, a notice "
            "needs its option `allow-passthrough on`.",
            _RINGS,
        ),
    ] = "off"
    failing: Annotated[OwnRing, _ring_of("FAILING")] = "default"
    slow: Annotated[OwnRing, _ring_of("SLOW")] = "default"
    missing: Annotated[OwnRing, _ring_of("MISSING")] = "default"
    stuck: Annotated[OwnRing, _ring_of("STUCK")] = "default"
    not_known: Annotated[Ring, _meta("The same for NOT KNOWN: the server has been silent for 45 s.", _RINGS)] = "off"
    quiet_hours: Annotated[
        tuple[QuietHours, ...],
        _meta(
            'Times of day without a bell or notice, in the zone of `timezone`, such as ["22:00-07:00"].',
            'a list of times such as ["22:00-07:00"]',
            max_length=MAX_ENTRIES,
        ),
    ] = ()
    on_alert: Annotated[
        Arguments,
        _meta(
            "A program that gets each new finding as JSON on its stdin, whatever `ring` says, also in quiet hours "
            "(then `quiet` is true). No shell is involved; it may run for 30 s. It runs only if nobody else may write "
            "this file. It may also stand above all tables.",
            _ARGUMENTS,
            max_length=64,
        ),
    ] = ()


class Programs(Table, frozen=True):
    """Other programs that the monitor starts for you, as lists of arguments. No shell is involved."""

    editor: Annotated[
        Arguments, _meta("The editor; an empty list: $VISUAL, then $EDITOR.", _ARGUMENTS, max_length=64)
    ] = ()
    pager: Annotated[Arguments, _meta("The pager; an empty list: $PAGER.", _ARGUMENTS, max_length=64)] = ()


class Dashboard(Table, frozen=True):
    """The dashboard of Trigger.dev."""

    url: Annotated[
        str,
        _meta(
            "The dashboard's address, where the server does not name it. Empty: the address that the server names.",
            "an address such as https://cloud.trigger.dev",
            pattern=r"^(https?://[A-Za-z0-9.:\[\]_-]+(/[A-Za-z0-9._~-]+)*/?)?$",
            max_length=MAX_TEXT_CHARS,
        ),
    ] = ""


class ColumnEntry(Table, frozen=True):
    """A column with more than its name."""

    column: Annotated[ColumnName, Meta(description="A column, or a path into metadata, payload or output.")]
    title: Annotated[str, _line("The title. Empty: the name of the column.", "a short text", max_length=40)] = ""
    width: Annotated[
        int, _meta("The width in cells; 0: the usual one of its type.", "a whole number from 0 to 200", ge=0, le=200)
    ] = 0
    type: Annotated[
        Literal["auto", "text", "number", "bar", "duration", "time", "bytes", "cents", "money", "bool"],
        _meta(
            "How a value out of metadata, payload or output is shown; a bar is for numbers from 0 to 1.",
            '"auto", "text", "number", "bar", "duration", "time", "bytes", "cents", "money" or "bool"',
        ),
    ] = "auto"
    format: Annotated[
        str,
        _line(
            'How it is written. Numbers: ".1f", ",d", "{:.1f} km"; money: "€"; durations: their unit, "s" or "ms"; '
            'times: "%H:%M"; truth: "yes/no". Empty: the usual form.',
            "a short text",
            max_length=20,
        ),
    ] = ""


ColumnList = Annotated[
    tuple[ColumnName | ColumnEntry, ...],
    _meta("", 'a list of columns such as ["status", "task", "took"]', max_length=50),
]


class OwnColumns(Table, frozen=True):
    """Columns of the lists, in their order. An empty list is the program's own choice.

    A column is a name, a path such as "metadata.progress", or a table:
    { column = "metadata.progress", title = "progress", type = "bar", width = 12 }.
    """

    runs: Annotated[ColumnList, Meta(description="Columns of the list of runs.")] = ()
    errors: Annotated[ColumnList, Meta(description="Columns of the errors view.")] = ()


class ViewEntry(Table, frozen=True):
    """A saved view."""

    name: Annotated[str, _line("The name of the view.", "a text of 1 to 60 characters", min_length=1, max_length=60)]
    address: Annotated[
        str,
        _meta(
            "What it shows, such as runs?task=charge-*&status=failed.",
            "an address such as runs?status=failed",
            pattern=r"^[a-z]+\?[^\x00-\x1f\x7f-\x9f]*$",
            max_length=MAX_TEXT_CHARS,
        ),
    ]
    letter: Annotated[
        str, _meta("The letter that opens it after '.", "one letter or digit", pattern=r"^[A-Za-z0-9]?$")
    ] = ""


class CommandEntry(Table, frozen=True):
    """A command of your own on the selection."""

    name: Annotated[
        str, _line("The command's name in the footer.", "a text of 1 to 40 characters", min_length=1, max_length=40)
    ]
    command: Annotated[
        Arguments,
        _meta(
            "The program and its arguments. {run.id}, {task.id} and others stand for values of the selection.",
            'a list such as ["sentry-open", "{run.id}"]',
            min_length=1,
            max_length=64,
        ),
    ]
    key: Annotated[
        str,
        _meta(
            "The key that runs it: a capital, or any free key for what is readonly. Empty: run it by : and its name.",
            "a key as `?` shows it, such as G, ctrl-g or F5",
            pattern=r"^[!-~]{0,20}$",
        ),
    ] = ""
    scope: Annotated[
        Literal["run", "task", "error group", "marks"],
        _meta(
            'What it is about: the "run", its "task", the "error group" of the errors view, or the "marks".',
            '"run", "task", "error group" or "marks"',
        ),
    ] = "run"
    confirm: Annotated[
        bool,
        _meta(
            "Ask before it runs. It always asks before a value that begins with -, and in production unless it is "
            "readonly.",
            _SWITCH,
        ),
    ] = False
    background: Annotated[
        bool, _meta("Run beside the monitor, with its output in messages, instead of taking the terminal.", _SWITCH)
    ] = False
    production: Annotated[bool, _meta("Offer it in production, and while the environment is unknown.", _SWITCH)] = True
    readonly: Annotated[
        bool, _meta("It changes nothing: offer it in a read-only session, and do not ask in production.", _SWITCH)
    ] = False
    env: Annotated[
        tuple[Variable, ...],
        _meta(
            'Secret variables to hand over: ["TRIGGER_SECRET_KEY"] or none.',
            'a list of names such as ["TRIGGER_SECRET_KEY"]',
            max_length=20,
        ),
    ] = ()


class FileSettings(Table, frozen=True):
    """The settings of trigger-tui."""

    theme: Annotated[
        Literal["auto", "dark", "light", "16"],
        _meta(
            "The colours: those that fit the terminal, dark, light, or the terminal's own sixteen.",
            '"auto", "dark", "light" or "16"',
        ),
    ] = "auto"
    interval: Annotated[
        float,
        _meta(
            "Seconds between two reads of the list, where no feed reports changes. A public token needs at least 10.",
            f"a number of seconds from {MIN_INTERVAL_S:g} to {MAX_INTERVAL_S:g}",
            ge=MIN_INTERVAL_S,
            le=MAX_INTERVAL_S,
        ),
    ] = DEFAULT_INTERVAL_S
    max_runs: Annotated[
        int,
        _meta(
            "How many runs are kept in memory: 1.2 MB for each 1,000. The oldest ended ones are dropped first.",
            f"a whole number from {MIN_MAX_RUNS:,} to {MAX_MAX_RUNS:,}, written without commas",
            ge=MIN_MAX_RUNS,
            le=MAX_MAX_RUNS,
        ),
    ] = DEFAULT_MAX_RUNS
    timezone: Annotated[
        str,
        _meta(
            'The zone of all clocks: "UTC", "local", or a name such as "Europe/Berlin". The header says which.',
            '"UTC", "local" or a time zone such as "Europe/Berlin"',
            pattern=r"^[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+)*$",
            max_length=60,
        ),
    ] = "UTC"
    read_only: Annotated[ReadOnly, Meta(description=ReadOnly.__doc__ or "")] = field(default_factory=ReadOnly)
    colors: Annotated[Colors, Meta(description=Colors.__doc__ or "")] = field(default_factory=Colors)
    link: Annotated[Link, Meta(description=Link.__doc__ or "")] = field(default_factory=Link)
    columns: Annotated[OwnColumns, Meta(description=OwnColumns.__doc__ or "")] = field(default_factory=OwnColumns)
    keys: Annotated[
        dict[BindingId, Annotated[KeyName | KeyNames, _meta("", "a key such as G, a list of keys, or unbind")]],
        Meta(
            description="Keys of your own: the id of a binding, and its key, a list of keys, or unbind.\n\n"
            "Quitting, Esc and the keys of confirmations stay as they are. What writes takes only a capital. Where "
            "something is typed, letters are text. `?` shows the keys that work, `trigger-tui config --keys` all."
        ),
    ] = field(default_factory=dict)
    views: Annotated[
        tuple[ViewEntry, ...], _meta("Views of your own, opened by ' and a letter.", "a list of tables", max_length=200)
    ] = ()
    commands: Annotated[
        tuple[CommandEntry, ...],
        _meta(
            "Commands of your own. No shell is involved: each value of the selection is one argument.\n\n"
            "They run only if nobody else may write this file.",
            "a list of tables",
            max_length=200,
        ),
    ] = ()
    programs: Annotated[Programs, Meta(description=Programs.__doc__ or "")] = field(default_factory=Programs)
    dashboard: Annotated[Dashboard, Meta(description=Dashboard.__doc__ or "")] = field(default_factory=Dashboard)
    bell: Annotated[Bell, Meta(description=Bell.__doc__ or "")] = field(default_factory=Bell)
