"""The command line as a state: what fits the typed text, its numbers, its history, and what Enter runs."""

import asyncio
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from difflib import get_close_matches
from functools import partial, reduce
from pathlib import PurePath
from typing import Any, Final, NamedTuple, Protocol, TypeVar, cast
from urllib.parse import unquote

from tui.domain.filters import LISTS, read_period
from tui.domain.run import STATUS_TABLE, Run, RunId, fold
from tui.domain.text import clean
from tui.features.runs.columns import short_id
from tui.kit.commands import (
    MAX_ROWS,
    Arguments,
    BoxContent,
    Choice,
    Choices,
    Command,
    HistoryLine,
    Preview,
    command_named,
    matching,
    rank,
)
from tui.kit.list_panes import Sorts
from tui.kit.live_model import LiveModel
from tui.kit.state_files import MAX_BYTES, StateFile, moment
from tui.lazy_dataclass import dataclass
from tui.settings.private_files import owned_path
from tui.settings.schema import Live
from tui.store import addresses
from tui.store import filter as typed
from tui.store.command_line import (
    MAX_FOUND_IDS,
    IdSearch,
    LoadedNames,
    MatchTally,
    PastedLink,
    Tally,
    ValueTally,
    parse_link,
    parse_run,
    shell_command,
)
from tui.store.filter import EVERYTHING, GLOB, parse_filter, split_words
from tui.store.server_filter import COUNTED_FIELDS, ServerFilter, server_filter, with_server_filters
from tui.store.view import View
from tui.sync.clock import work_a_slice, work_in_slices
from tui.text import formatting
from tui.text.status import STATUS_STYLES, style_of
from tui.text.styled import Line, Piece, Token

# Counts loaded runs without delaying keys: the first slice at once, the others between the keys.


SLICE_S: Final = 0.004
"""The longest time for which one slice blocks the event loop."""


TYPING_S: Final = 0.15
"""After this pause, numbers that depend on the typed text are counted. After every letter would be too often."""


T = TypeVar("T", bound=Tally)


# The commands that were run before, in a file of the state directory.
#
# There is one file for each environment of each API. It holds what the user typed and ran: no payload, and no text with
# a key. Two monitors of one environment share it: a save keeps what the other one has added.


MAX_ENTRIES: Final = 200
MAX_ENTRY_CHARS: Final = 300
"""A longer command is not kept, because it was probably pasted and may contain anything."""

_SECRET: Final = re.compile(
    r"\b(?:tr|sk|pk|rk|gh[a-z]|github_pat|npm|xox[a-z])_\w{3,}|\b(?:sk|glpat|xox[a-z])-[\w-]{12,}"
    r"|\b(?:AKIA|ASIA)[0-9A-Z]{12}|\bey[JA]\w{10,}|\bbearer\b"
    r"|\b(?:password|passwd|secret|api[_-]?key|access[_-]?token)\b\s*[=:]",
    re.IGNORECASE,
)
"""Matches keys of Trigger.dev and of other services, and tokens."""


def may_keep(text: str) -> bool:
    """Return whether a command may be kept: it is short, printable, and contains nothing like a key."""
    return 0 < len(text) <= MAX_ENTRY_CHARS and text.isprintable() and _SECRET.search(unquote(text)) is None


def with_entry(entries: Sequence[HistoryLine], entry: HistoryLine) -> tuple[HistoryLine, ...]:
    """Return the history with one more entry, each command once, oldest first."""
    return (*[each for each in entries if each.text != entry.text], entry)[-MAX_ENTRIES:]


class CommandHistory(StateFile[tuple[HistoryLine, ...]]):
    """Reads and writes the history of one environment. `entries` has the oldest command first, and no key."""

    def __init__(self, state_dir: PurePath, *, owner: str) -> None:
        """`owner` names the environment: equal names share a file. A text for which `holds_key` is true is not kept."""
        super().__init__(owned_path(state_dir, "commands", owner), "commands", tuple)
        self.entries: tuple[HistoryLine, ...] = ()
        self.is_loaded = False
        self._unsaved: list[HistoryLine] = []

    async def load(self) -> tuple[HistoryLine, ...]:
        """Read the file once. A file that cannot be read counts as empty."""
        saved = await super().load()
        self.entries = reduce(with_entry, self.entries, saved)  # commands may have been run meanwhile
        self.is_loaded = True
        return self.entries

    def add(self, text: str, at: datetime) -> bool:
        """Add a command to `entries`. Return whether it may be kept, so that `save` has to be called."""
        if not may_keep(text) or self.holds_key(text):
            return False
        entry = HistoryLine(at.astimezone(UTC), text)
        self.entries = with_entry(self.entries, entry)
        self._unsaved.append(entry)
        return True

    async def save(self) -> None:
        """Write what was added. What another process has added meanwhile is kept."""
        unsaved, self._unsaved = self._unsaved, []

        def changed() -> tuple[HistoryLine, ...]:
            entries = reduce(with_entry, unsaved, self.read())
            while len(self.content(entries)) > MAX_BYTES:
                entries = entries[1 + len(entries) // 8 :]
            return entries

        await self.change(changed)

    def encode(self, value: tuple[HistoryLine, ...]) -> dict[str, Any]:
        return {"commands": [[each.at.isoformat(timespec="seconds"), each.text] for each in value]}

    def decode(self, saved: Any) -> tuple[HistoryLine, ...]:
        kept = [(at, text) for at, text in saved["commands"] if isinstance(text, str) and may_keep(text)]
        return tuple(HistoryLine(moment(at), text) for at, text in kept)[-MAX_ENTRIES:]


# The numbers that the command line shows: runs by their values, runs that a view would show, runs by their ids.


ROUNDING: Final = timedelta(seconds=1)
"""Two readings of the time may differ by this much."""


class RunNumbers:
    """Counts for one command line. `on_update` is called when a count that took longer than one slice is complete."""

    def __init__(self, live: LiveModel, chosen: ServerFilter, on_update: Callable[[], None]) -> None:
        """`chosen` are the filters that the list has now."""
        self._live = live
        self._chosen = chosen
        self._on_update = on_update
        self._counted: dict[str, tuple[object, Tally]] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def close(self) -> None:
        """Stop counting."""
        for task in self._tasks.values():
            task.cancel()
        for _, tally in self._counted.values():
            tally.stop()

    def _count(self, name: str, about: object, tally: Callable[[], T], *, after_s: float = TYPING_S) -> T:
        """Return the count of a name. It begins again when `about` changes.

        Runs that the first slice has not counted are counted after a pause.
        """
        known = self._counted.get(name)
        if known is not None and known[0] == about:
            return cast("T", known[1])
        if (task := self._tasks.pop(name, None)) is not None:
            task.cancel()
        if known is not None:
            known[1].stop()
        found = tally()
        self._counted[name] = about, found
        if not work_a_slice(self._live.session.clock, SLICE_S, found.count_some):
            self._tasks[name] = self._live.session.spawn(self._count_on(found, after_s), "count runs")
        return found

    async def _count_on(self, tally: Tally, after_s: float) -> None:
        if after_s:
            await self._live.session.clock.sleep(after_s)
        await work_in_slices(self._live.session.clock, SLICE_S, tally.count_some)
        self._on_update()

    @property
    def values(self) -> ValueTally:
        """The runs by their values. They are counted once, when they are first needed."""
        keys = self._live.newest_first_keys
        return self._count("values", "", lambda: ValueTally(self._live.get, keys()), after_s=0.0)

    @property
    def names(self) -> LoadedNames:
        """The values of the loaded runs."""
        return LoadedNames(self.values.counts, self.values.is_complete and self.values.has_all_tags)

    def ids(self, part: str) -> IdSearch:
        """The runs whose id ends with a text, or contains it."""
        return self._count("ids", part, lambda: IdSearch(self._live.newest_first_keys(), part))

    def of_view(self, address: addresses.ViewAddress) -> tuple[Line, int | None]:
        """Say how many of the loaded runs a view would show, and return the most that it may show, once that is known.

        If the errors of some runs, or the queues of all, are not read, more runs may match. The address has been
        checked.
        """
        session, now = self._live.session, self._live.now
        history, chosen = session.store.history, self._chosen
        period = read_period(address.since, session.local_now()) if address.since else session.settings.history
        wanted = server_filter(address.server, period, session.local_now())
        parsed = parse_filter(address.filter, now=now.until)
        since, begin = (each.filters.created_from or session.now() - each.period for each in (wanted, chosen))

        def count() -> MatchTally:
            filters = (with_server_filters(wanted.filters, each) for each in (EVERYTHING, parsed))
            return MatchTally(
                *(View(session.store, each, since=since, starts_empty=True, source=self._live) for each in filters)
            )

        tally = self._count("matches", address, count)
        if not tally.is_complete:
            return (Piece("counting the loaded runs…", Token.FAINT),), None
        may_be_more = (
            parsed.depends_on_errors
            or parsed.depends_on_bodies
            or any(word.field == "queue" for word in split_words(address.filter))
        )
        is_same_list = address.server == addresses.lists_of(chosen.filters)
        is_same_time = (chosen.filters.created_from or chosen.period) == (wanted.filters.created_from or wanted.period)
        is_all_read = history is not None and history.is_complete and not history.is_cut
        is_covered = chosen.filters.created_to is None and begin - ROUNDING <= since
        matched, total = len(tally.shown), formatting.count(len(tally.base))
        number = "none yet" if may_be_more and not matched else formatting.count(matched, at_least=may_be_more)
        asks_server = not (is_same_list and is_same_time)
        if is_all_read and is_same_list and is_covered:
            rest = f" of {total} runs{', read from the server' if asks_server else ''}"
        elif asks_server:
            rest = f" of {total} loaded runs, the others are read from the server"
        else:
            rest = f" of {total} loaded runs; the server may have more"
        line = (Piece(number, Token.BRIGHT), Piece(rest, Token.MUTED))
        return line, len(tally.base) if may_be_more else matched

    def period_problem(self, since: str) -> str | None:
        """Return what is wrong with a period, which depends on the time; None if nothing is."""
        return addresses.period_problem(since, self._live.session.local_now())


# The command line as a state: the typed text, what fits it, what is chosen, and what Enter runs.


MAX_FOUND_HISTORY: Final = 50
_LINK_NAME_CELLS: Final = 10


@dataclass(frozen=True, slots=True)
class Execution:
    """What Enter runs. `text` is kept in the history; it is "" if nothing is to be kept."""

    run: Callable[[], object]
    text: str


MEANT: Final[Mapping[str, str]] = {
    "errors": "failures,issues,exceptions,problems",
    "runs": "jobs,list,ls,pods",
    "run": "show,describe,job",
    "since": "period,time,range,last",
    "environment": "env,project,context,ctx,namespace",
    "set": "settings,config,options,preferences",
    "bell": "alert,alarm,notify,mute,silence",
    "wall": "alerts,findings,health,dashboard",
    "server filters": "where,filters",
    "filter": "search,find,grep",
    "sort": "order",
    "sort took": "slow,slowest,longest,duration",
    "schedules": "cron",
    "deployments": "deploys,releases",
    "queues": "concurrency",
    "tokens": "waitpoints",
    "waterfall": "trace,spans,timeline",
    "detail": "payload,output,metadata",
    "attempts": "stack",
    "cancel": "stop,kill,abort",
    "replay": "replay with,retry,rerun,restart",
    "browser": "web,url",
    "copy what": "copy",
    "columns": "fields",
    "refresh": "reload",
    "zoom": "fullscreen",
    "messages": "warnings",
    "views": "bookmarks",
}
"""What users of other programs call a command, by its name. No word is the name of another command."""

_SOUGHT: Final = "Runs with this text in task, id, tag, version or error"


class Filters(Arguments, Protocol):
    """The arguments of a line without a command."""

    def named(self, word: str) -> list[Choice]:
        """Return the filters that a word may mean: a status, a task, a tag."""


def is_filter(line: str) -> bool:
    """Return whether a line begins with a word of a filter, such as `task:sync-order`."""
    word = next(iter(split_words(line)), None)
    return word is not None and word.field in {*typed.FIELDS, *addresses.VIEWS[addresses.RUNS].names}


def _split(line: str) -> tuple[str, str, str]:
    """Split a line after its first word, whose spaces before it stay."""
    body = line.lstrip()
    head, space, rest = body.partition(" ")
    return line[: len(line) - len(body)] + head, space, rest


class CommandLine:
    """The state of one command line.

    `history` has the newest command first. `filters` takes a line without a command: an address, or the words of a
    filter. `link_choices` says what can be done with a link.
    """

    def __init__(
        self,
        commands: Sequence[Command],
        history: Sequence[HistoryLine],
        *,
        filters: Filters,
        link_choices: Callable[[PastedLink], Choices],
        now: datetime,
    ) -> None:
        self.commands = commands
        self.history = history
        self._now = now
        self._filters = filters
        self._link_choices = link_choices
        self._arguments: Arguments | None = None
        self._found = Choices()
        self.is_link = False
        """Whether the text is a link."""
        self.typed = ""
        self.cursor: int | None = None
        self.is_searching = False
        self.type("")

    def type(self, text: str) -> None:
        """Show what fits another text."""
        self.typed = text
        self._find()
        self.cursor = self._found.first

    def update(self) -> None:
        """Show what fits the same text now, after something was counted or read. The same choice stays chosen, if it is
        still there.
        """
        before = self.chosen
        self._find()
        texts = [choice.text for choice in self._found.choices]
        if before is None:
            self.cursor = self._found.first if self.is_link else None
        else:
            self.cursor = texts.index(before.text) if before.text in texts else self._found.first

    def search_history(self) -> None:
        """Search the commands that were run before, or choose the next one that is found."""
        if self.is_searching:
            self.move(1)
        else:
            self.is_searching = True
            self.type(self.typed)

    def end_search(self) -> bool:
        """Return to what fits the text. Return whether the history was searched."""
        was_searching, self.is_searching = self.is_searching, False
        if was_searching:
            self.type(self.typed)
        return was_searching

    @property
    def chosen(self) -> Choice | None:
        """The choice that Enter takes, if there is one."""
        return None if self.cursor is None else self._found.choices[self.cursor]

    def move(self, lines: int) -> None:
        """Choose another line. A step of one line wraps around at the ends."""
        count = len(self._found.choices)
        if not count:
            return
        if self.cursor is None:
            self.cursor = 0 if lines > 0 else count - 1
            return
        index = self.cursor + lines
        self.cursor = index % count if abs(lines) == 1 else max(0, min(index, count - 1))

    def go_to(self, index: int) -> None:
        """Choose a line; -1 is the last one."""
        if (last := len(self._found.choices) - 1) >= 0:
            self.cursor = last if index < 0 else min(index, last)

    @property
    def suggestion(self) -> str:
        """The text that Tab takes, if it begins as the typed one; else ""."""
        text = self._offered
        return text if text.startswith(self.typed) and text != self.typed else ""

    def completed(self) -> str | None:
        """Return the text after Tab; None if nothing fits."""
        text = self._offered
        return text if text and text != self.typed else None

    @property
    def _offered(self) -> str:
        """The line with the chosen or the first choice in it."""
        if not self.typed and self.cursor in {None, self._found.first} and not self.is_searching:
            return ""
        choice = self.chosen or next(iter(self._found.choices), None)
        return "" if choice is None or self.is_link else self._line_with(choice)

    def _line_with(self, choice: Choice) -> str:
        """Return the choice, after the command as it is typed where it is an argument."""
        if self._arguments is None or self._arguments is self._filters:
            return choice.text
        return f"{_split(self.typed)[0]} {choice.text}"

    def enter(self) -> Execution | str | None:
        """Return what Enter runs, or the text that it puts into the line, or None if it can do nothing."""
        choice = self.chosen
        if choice is not None and choice.run is not None:
            return Execution(choice.run, choice.text.strip())
        if self.is_link:
            return None  # a view opens only if the user named it
        if choice is not None and choice.is_open:
            return self._line_with(choice)
        text = self._line_with(choice) if choice is not None else self.typed
        found = self._preview_of(text)
        return None if found is None or found.run is None else Execution(found.run, text.strip())

    def _preview_of(self, line: str) -> Preview | None:
        """Return what Enter does with a line; None if it begins with no name of a command."""
        line = line.strip()
        if addresses.is_address(line) or is_filter(line):
            return self._filters.preview(line)
        # `sort took` is also a command by itself, whose preview says less.
        arguments, rest = self._arguments, line.partition(" ")[2].strip()
        if arguments is None:
            found = command_named(self.commands, line)
            if found is None:
                return None
            command, rest = found
            arguments = command.arguments
            if arguments is None:
                return Preview(muted(command.sentence) if self.is_searching else (), run=command.run)
        return arguments.preview(rest) if rest or not arguments.are_needed else Preview()

    def _find(self) -> None:
        text = self.typed.strip()
        link = None if self.is_searching else self._link(text)
        self.is_link, self._arguments = link is not None, None
        if self.is_searching:
            self._found = self._history_choices(text)
        elif link is not None:
            self._found = replace(self._link_choices(link), name_width=_LINK_NAME_CELLS)
        elif addresses.is_address(text):
            self._found = Choices()
        elif is_filter(text):
            self._arguments = self._filters
            self._found = self._filters.choices(self.typed)
        elif (command := self._typed_command()) is not None and command.arguments is not None:
            self._arguments = command.arguments
            self._found = command.arguments.choices(_split(self.typed)[2])
        else:
            self._found = self._command_choices(text)

    def _link(self, text: str) -> PastedLink | None:
        """Return the link that the text is, with or without the word `run`."""
        head, _, rest = text.partition(" ")
        return parse_run(rest) if head.casefold() == "run" and rest else parse_link(text)

    def _typed_command(self) -> Command | None:
        """Return the command whose whole name and a space stand at the begin of the line."""
        head, space, _ = _split(self.typed)
        found = command_named(self.commands, head) if space else None
        return None if found is None else found[0]

    def _command_choices(self, text: str) -> Choices:
        found = matching(self.commands, text)
        named = command_named(self.commands, text)
        unnamed = [each for each in found if each.ends_program and (named is None or each is not named[0])]
        choices = []
        for each in found:
            arguments, is_open = each.arguments, each in unnamed
            key: Line = (Piece(each.key, Token.TEXT, is_bold=True),) if each.key else ()
            choice = Choice(each.name, each.name, muted(each.sentence), key, is_open=is_open)
            if arguments is not None:
                choice = replace(choice, text=f"{each.name} ", argument=arguments.shown, is_open=arguments.are_needed)
            elif not is_open:
                choice = replace(choice, run=each.run)
            choices.append(choice)
        count = sum(not each.is_idle for each in self.commands)
        words = f"{count} commands" if not text else f"{len(found)} of {count}"
        # `failed` and the name of a task are meant as a filter, unless a command is called so. A part of a name is not,
        # if a command begins with it.
        best = min((rank(each, text.casefold()) for each in found), default=2)
        filters = self._filters.named(text) if best else []
        choices = [*(each for each in filters if best > 1 or each.text.endswith(f":{text}")), *choices]
        heading: Line = ()
        if not choices:
            heading, choices = self._nearest(text)
        hidden = len(choices) - MAX_ROWS
        notes: list[Line] = [(Piece(f"{hidden} more: type a word", Token.FAINT),)] if hidden > 0 and not text else []
        return Choices(choices, words, 0 if choices else None, heading, notes=notes)

    def _nearest(self, text: str) -> tuple[Line, list[Choice]]:
        """Return the choices for an unknown command. Enter first puts one into the line, to be read."""
        command_of = {name: each for each in self.commands for name in (each.name, *each.aliases)}
        word = text.partition(" ")[0]
        heading, names = f"No command {word}. Nearest:", get_close_matches(word.casefold(), command_of, 1, cutoff=0.7)
        for name, words in MEANT.items():
            if text.casefold() in (name, *words.split(",")):
                heading, names = f"No {name} in this view, but in the list of runs:", [addresses.RUNS]
        near = [command_of[each] for each in names if each in command_of]
        choices = [Choice(each.name, each.name, muted(each.sentence), is_open=True) for each in near]
        sought = f"{addresses.RUNS} {text}"
        return muted(heading), [*choices, Choice(sought, sought, muted(_SOUGHT), is_open=True)]

    def _history_choices(self, text: str) -> Choices:
        folded = text.casefold()
        found = [each for each in self.history if folded in each.text.casefold()][:MAX_FOUND_HISTORY]
        ages = [Piece(formatting.time_or_age(each.at, self._now), Token.FAINT) for each in found]
        choices = [Choice(each.text, each.text, right=(age,)) for each, age in zip(found, ages, strict=True)]
        heading = muted("" if choices else "No earlier command contains this text.")
        if not self.history:
            heading = muted("There are no earlier commands.")
        words = f"{len(found)} of {len(self.history)} earlier commands"
        return Choices(choices, words, 0 if choices else None, heading=heading)

    def _preview(self) -> Preview:
        """Return what Enter will do with the line as it would be run."""
        choice = self.chosen
        if self.is_link or not (self.typed.strip() or self.is_searching):
            return Preview()
        found = self._preview_of(self._line_with(choice) if choice is not None else self.typed)
        if found is None and self.is_searching and choice is not None:
            return nothing("this command is not available here")
        return found or Preview()

    def content(self) -> BoxContent:
        """Return what the box shows."""
        preview, found = self._preview(), self._found
        below: list[tuple[str, Line]] = [("also", found.also)] if found.also else []
        if preview.does:
            below += [*([("", ())] if below else []), ("Enter", preview.does)]
        below += [("", note) for note in found.notes]
        history = () if self.is_searching or self.is_link else self.history
        return BoxContent(found, self.cursor, below, preview.command, history)


# The arguments of `sort`, `theme` and `set`: one of a few values, or a name and its value.


def _value_choices(values: Mapping[str, str], text: str, current: str, before: str = "") -> list[Choice]:
    """Return the values that a text fits, each with its sentence."""
    now: Line = (Piece("now", Token.FAINT),)
    return [
        Choice(f"{before}{name}", name, muted(values[name]), now if name == current else ())
        for name in fitting(values, text)
    ]


@dataclass(frozen=True, slots=True)
class OneOf:
    """An argument that is one of a few values. `set_to` receives its name; `current` is the value that is set now.

    `values`: a sentence, or "", by the name of each value.
    """

    shown: str
    values: Mapping[str, str]
    set_to: Callable[[str], object]
    current: str = ""
    until: str = ""
    are_needed: bool = True

    def choices(self, text: str) -> Choices:
        choices = _value_choices(self.values, text.strip(), self.current)
        is_whole = text.strip().casefold() in [each.text for each in choices]
        words = f"{len(choices)} of {len(self.values)}"
        return Choices(choices, words, 0 if choices and not is_whole else None)

    def preview(self, text: str) -> Preview:
        wanted = text.strip().casefold()
        value = next((each for each in self.values if each.casefold() == wanted), None)
        if value is None:
            return nothing(f"{self.shown.lower()} must be one of: {', '.join(self.values)}")
        said = f"{self.values[value] or value} {self.until}".strip()
        return Preview(muted(said), run=partial(self.set_to, value))


class Setting(NamedTuple):
    """A setting that may be set while the program runs.

    `parse` returns the value of a text, or raises `ValueError` with what is expected.
    """

    live: Live
    current: str
    parse: Callable[[str], object]


@dataclass(frozen=True, slots=True)
class SettingArguments:
    """A name and a value. `set_to` receives both. `until` says how long a value is in effect."""

    settings: Mapping[str, Setting]
    set_to: Callable[[str, object], object]
    until: str
    shown: str = "NAME VALUE"
    are_needed: bool = True

    def choices(self, text: str) -> Choices:
        name, space, part = text.lstrip().partition(" ")
        setting = self.settings.get(name.casefold())
        if not space or setting is None:
            found = [(each, self.settings[each]) for each in fitting(self.settings, name)]
            choices = [
                Choice(f"{each} ", each, muted(its.live.sentence), muted(its.current), is_open=True)
                for each, its in found
            ]
            return Choices(choices, f"{len(found)} of {len(self.settings)} settings", 0 if choices else None)
        choices = _value_choices(setting.live.suggested, part.strip(), setting.current, f"{name} ")
        is_open = not part.strip() or self.preview(text).run is not None
        return Choices(choices, f"now {setting.current}", None if is_open or not choices else 0)

    def preview(self, text: str) -> Preview:
        name, _, value = text.strip().partition(" ")
        setting = self.settings.get(name.casefold())
        if setting is None:
            return nothing(f"the settings are: {' '.join(self.settings)}")
        if not value:
            return Preview((Piece(f"{name} needs a value", Token.FAINT),))
        try:
            parsed = setting.parse(value.strip())
        except ValueError as error:
            return nothing(f"{name} must be {error}")
        done = f"{setting.live.words.format(parsed)} {self.until}"
        return Preview(muted(done), run=partial(self.set_to, name.casefold(), parsed))


def muted(text: str) -> Line:
    return (Piece(text, Token.MUTED),) if text else ()


def nothing(reason: object) -> Preview:
    """Return the preview of a line that Enter does not run."""
    return Preview((Piece(f"cannot run: {reason}", Token.AMBER),))


# The word that is being typed at the end of a command line, and what fits it.
#
# Completions replace the value of the word: `task:charge` becomes `task:charge-card`, `-tag:a,b` its last value.


MAX_COMPLETIONS: Final = 200
"""Completions of one word that can be chosen."""

FIELD_SENTENCES: Final[Mapping[str, str]] = {
    **{name: field.sentence for name, field in typed.FIELDS.items()},
    "since": "2h, 7d, 02:50-03:20",
    "sort": "age, status, task, took, updated, cost",
}
"""The values of a field of the list in words, in the order in which fields are offered."""

_PERIODS: Final = ("1h", "2h", "24h", "7d", "30d")


class TypedWord(NamedTuple):
    """The last word of a text.

    `before` is the text up to the part that a completion replaces, `part` that part, without quotes. `field` is that of
    the word, None without one.
    """

    before: str
    part: str
    field: str | None


def typed_word(text: str) -> TypedWord:
    """Return the word at the end of a text, empty after a space."""
    words = typed.split_words(text)
    if not words or not words[-1].is_open or (text[-1:].isspace() and text.count('"') % 2 == 0):
        return TypedWord(text, "", None)
    word = words[-1]
    start = len(text) - len(word.source)
    if word.field is None:
        return TypedWord(text[:start], word.source, None)
    last = _last_value(word.rest)
    return TypedWord(text[: len(text) - len(last)], last.replace('"', ""), word.field)


def _last_value(values: str) -> str:
    """Return the part after the last comma that is not in quotes."""
    begin, is_quoted = 0, False
    for index, character in enumerate(values):
        if character == '"':
            is_quoted = not is_quoted
        elif character == "," and not is_quoted:
            begin = index + 1
    return values[begin:]


def completed(word: TypedWord, value: str) -> str:
    """Return the text with a value in place of the typed part."""
    return f"{word.before}{value if word.field in {None, 'took'} else typed.as_value(value)}"


def fitting(values: Iterable[str], part: str) -> list[str]:
    """Return the values that a typed part fits: equal ones, then those that begin with it, then those that contain it.

    A part with `*` or `?` fits what it matches as a whole.
    """
    folded = part.casefold()
    if typed.GLOB.search(part):
        test = typed.whole_text_test(typed.patterns_of(part))
        return [value for value in values if test(value.casefold())]
    tests: tuple[Callable[[str, str], bool], ...] = (str.__eq__, str.startswith, str.__contains__)
    return list(dict.fromkeys(value for test in tests for value in values if test(value.casefold(), folded)))


STATUS_VALUES: Final[Mapping[str, str]] = {
    "failed": "",  # otherwise `fail` would mean `failed-to-run`
    **{row.word: row.title for row in STATUS_TABLE},
    **{name.replace(" ", "-"): "" for name in typed.GROUPS},
}
"""The words of `status:`, with the title of the status; "" for a group of statuses."""

_GROUP_SENTENCES: Final = {
    "live": "Everything that has not ended",
    "final": "Everything that has ended",
    "failed": "Every failure: Failed (threw), Crashed …",
    "running": "Dequeued, executing and reattempting",
    "waiting-to-start": "Delayed, queued and pending version",
}

Counts = Mapping[str, Mapping[str, int]]
"""The numbers of runs by field and value, the greatest first."""


def completions(word: TypedWord, form: addresses.AddressedView, counts: Counts, *, is_counted: bool) -> list[Choice]:
    """Return what fits a word in the address of a view. `is_counted`: the counts are complete."""
    if word.field is None:
        found = [each for each in FIELD_SENTENCES.items() if each[0].startswith(word.part.casefold())]
        return [
            Choice(completed(word, f"{name}:"), f"{name}:", muted(sentence), is_open=True) for name, sentence in found
        ]
    name = word.field.removeprefix("server-")
    if name == "status":
        return _fitting_statuses(word, counts.get("status", {}), is_counted=is_counted)
    if name in COUNTED_FIELDS:
        numbers = counts.get(name, {})
        # Skip a value with a character that cannot be typed, such as an escape: it would be drawn as another text.
        some = [value for value in fitting(numbers, word.part)[:MAX_COMPLETIONS] if clean(value) == value]
        return [_value(word, value, right=_number(numbers[value], is_counted=is_counted)) for value in some]
    values: Sequence[str] = typed.FIELDS[name].values if name in typed.FIELDS else ()
    if name == "sort":
        values = tuple(form.sorts())
    elif name == "since":
        values = form.periods or _PERIODS
    return [_value(word, value) for value in fitting(values, word.part)]


def _value(word: TypedWord, value: str, sentence: Line = (), right: Line = (), mark: Piece | None = None) -> Choice:
    return Choice(completed(word, value), value, sentence, right, mark)


def _number(count: int, *, is_counted: bool) -> Line:
    """Return the number of loaded runs with a value."""
    return (Piece(formatting.count(count), Token.MUTED) if is_counted else Piece(formatting.NONE, Token.FAINT),)


def _fitting_statuses(word: TypedWord, counts: Mapping[str, int], *, is_counted: bool) -> list[Choice]:
    found: list[Choice] = []
    for value in fitting(STATUS_VALUES, word.part.replace("_", "-").replace(" ", "-")):
        title = STATUS_VALUES[value]
        of_group = typed.GROUPS[fold(value)] if not title else ()
        titles = [title] if title else [row.title for row in STATUS_TABLE if row.canonical in of_group]
        number = _number(sum(counts.get(each, 0) for each in titles), is_counted=is_counted)
        style = STATUS_STYLES.get(title or (titles[0] if value == "failed" else ""))
        mark = Piece(" ") if style is None else style.mark
        found.append(_value(word, value, muted(title or _GROUP_SENTENCES.get(value, "")), number, mark))
    return found


# The arguments of commands that show a view: `runs FILTER`, `errors WORDS`, `queues WORDS`, `run ID`, addresses.


Apply = Callable[[addresses.ViewAddress], object]

MIN_NAMED: Final = 3
"""A shorter word is not looked for among the names of tasks and tags: too many have it."""

MAX_NAMED: Final = 3

_ALSO: Final = ("task", "status", "tag", "version", "queue", "error", "since", "took")


@dataclass(frozen=True, slots=True)
class ViewArguments:
    """The arguments of `runs`, `errors` or `queues`, or a whole address. `apply` shows a view.

    `period` is that of the list on the screen: a filter without one keeps it.
    """

    view: str
    numbers: RunNumbers
    apply: Apply
    are_needed: bool = False
    period: str = ""

    @property
    def shown(self) -> str:
        return "FILTER" if self.view == addresses.RUNS else "WORDS"

    def choices(self, text: str) -> Choices:
        word, form, is_list = typed_word(text), addresses.VIEWS[self.view], self.view == addresses.RUNS
        if (field := word.field) is None or not is_list:
            found = completions(word, form, {}, is_counted=False) if is_list or field in {"since", "sort"} else []
            return Choices(found, first=_first(word, found))
        tally, words = self.numbers.values, ""
        found = completions(word, form, tally.counts, is_counted=tally.is_complete)
        if field in COUNTED_FIELDS and tally.is_complete:
            size = len(STATUS_VALUES if field == "status" else tally.counts.get(field, {}))
            has_all = field != "tag" or tally.has_all_tags
            number = formatting.count(len(found), at_least=len(found) >= MAX_COMPLETIONS or not has_all)
            words = f"{number} of {formatting.count(size, at_least=not has_all)} {LISTS[field]}"
        return Choices(found, words, _first(word, found), also=_also(word))

    def preview(self, text: str) -> Preview:
        try:
            is_whole = addresses.is_address(text)
            address = addresses.parse_address(text) if is_whole else addresses.parse_words(f"{self.view} {text}")
        except addresses.AddressError as error:
            return nothing(error)
        if not (is_whole or address.since):
            address = replace(address, since=self.period)
        if (problem := self.numbers.period_problem(address.since)) is not None:
            return nothing(problem)
        said, found = muted(_other_words(address) if address.run is None else f"the run {address.run}"), None
        if address.view == addresses.RUNS:
            said, found = self.numbers.of_view(address)
        return Preview(said, shell_command(address, self.numbers.names, found), partial(self.apply, address))

    def named(self, word: str) -> list[Choice]:
        """Return the filters that a word may mean, the best ones first: a status, a task, a tag."""
        if len(word) < MIN_NAMED or " " in word:
            return []
        tally, found = self.numbers.values, list[Choice]()
        for name in COUNTED_FIELDS:
            begin = TypedWord(f"{name}:", word, name)
            found += completions(begin, addresses.VIEWS[self.view], tally.counts, is_counted=tally.is_complete)
        found = [each for each in found if each.name == word] or found[:MAX_NAMED]
        return [replace(each, name=each.text) for each in found]


@dataclass(frozen=True, slots=True)
class PeriodArguments:
    """The argument of `since`: another period for the view at `address`, of which everything else stays."""

    address: addresses.ViewAddress
    view: ViewArguments
    shown: str = "PERIOD"
    are_needed: bool = True

    def choices(self, text: str) -> Choices:
        periods = addresses.VIEWS[self.address.view].periods or _PERIODS
        choices = _value_choices(dict.fromkeys(periods, ""), text.strip(), self.address.since)
        is_whole = bool(text) and self.view.numbers.period_problem(text) is None
        return Choices(choices, first=0 if choices and not is_whole else None)

    def preview(self, text: str) -> Preview:
        _, _, kept = replace(self.address, since="").words.partition(" ")
        return self.view.preview(f'{kept} {addresses.SINCE}:"{text}"')


def _also(word: TypedWord) -> Line:
    """Return the other fields."""
    fields = " ".join(f"{name}:" for name in _ALSO if name != word.field)
    return (Piece(fields, Token.TEXT), Piece("  "), Piece("-tag:", Token.TEXT), Piece(" not", Token.FAINT))


def _first(word: TypedWord, found: list[Choice]) -> int | None:
    """Return the completion that Enter takes without a choice: one that begins with the typed part, unless that is
    already a whole value.
    """
    part = word.part.casefold()
    is_whole = not part or GLOB.search(part) or any(each.name.casefold() == part for each in found)
    if is_whole or word.field is None or word.field.removeprefix("server-") not in {*COUNTED_FIELDS, "sort"}:
        return None
    return 0 if found and found[0].name.casefold().startswith(part) else None


def _other_words(address: addresses.ViewAddress) -> str:
    is_errors = address.view == addresses.ERRORS
    words = f"the error groups of the last {address.since or '24h'}" if is_errors else f"the {address.view}"
    if address.filter:
        words += f" that contain {address.filter}"
    return f"{words}, sorted by {address.sort}" if address.sort else words


def run_line(run: Run, most_tags: int = 0, token: Token = Token.FAINT) -> Line:
    """Return the status, the task and some tags of a run."""
    tags = " ".join(run.state.tags[:most_tags]) if run.state is not None else ""
    task = Piece(f"  {run.fixed.task or formatting.NONE}", Token.TEXT)
    return (style_of(run).name, task, *((Piece(f"  {tags}", token),) if tags else ()))


@dataclass(frozen=True, slots=True)
class RunArguments:
    """The argument of `run`: an id, or a part of the id of a loaded run."""

    live: LiveModel
    numbers: RunNumbers
    apply: Apply
    shown: str = "ID"
    are_needed: bool = True

    def choices(self, text: str) -> Choices:
        part = text.strip()
        if " " in part or ":" in part:
            return Choices()
        search = self.numbers.ids(part)
        choices = [self._choice(run_id) for run_id in search.found if clean(run_id) == run_id]
        count = len(choices) if search.is_complete else 0
        found = formatting.count(count, at_least=count >= MAX_FOUND_IDS)
        loaded = formatting.count(len(self.live.session.store))
        words = f"{found} of {loaded} loaded runs" if part and count else ""
        return Choices(choices, words, 0 if part and choices else None)

    def preview(self, text: str) -> Preview:
        text = text.strip()
        if parse_link(text.partition(" ")[0]) is None:
            search = self.numbers.ids(text)
            if not search.is_complete:
                return Preview((Piece("searching the loaded runs…", Token.FAINT),))
            if search.found:
                return Preview(muted(f"{len(search.found)} runs: choose one"))
            return nothing(f"no loaded run has {text} in its id")
        try:
            address = addresses.parse_words(f"{addresses.RUN} {text}")
        except addresses.AddressError as error:
            return nothing(error)
        run = None if address.run is None else self.live.get(address.run)
        line = muted(f"the run {address.run}, read from the server")
        if run is not None and run.state is not None:
            line = (style_of(run).mark, Piece(" "), *run_line(run))
        return Preview(line, shell_command(address, self.numbers.names), partial(self.apply, address))

    def _choice(self, run_id: RunId) -> Choice:
        run = self.live.get(run_id)
        if run is None or run.state is None:
            return Choice(run_id, run_id)
        age = Piece(formatting.age(run.created_at, self.live.now.at), Token.FAINT)
        name = "".join(piece.text for piece in short_id(run_id, Token.TEXT))
        return Choice(run_id, name, run_line(run, 2), (age,), style_of(run).mark)


# The commands that sort the list of a view.


def sort_commands(sorts: Sorts) -> list[Command]:
    """Return `sort ORDER`, and a command for each order."""
    arguments = OneOf("ORDER", dict(sorts.orders), sorts.take, current=sorts.current)
    return [Command("sort", sorts.sentence, arguments=arguments), *commands_of_values("sort", arguments)]


def commands_of_values(
    name: str, arguments: OneOf, alias: Callable[[str], tuple[str, ...]] = lambda _: ()
) -> list[Command]:
    """Return a command for each value of an argument, so that typing the value finds it."""
    return [
        Command(f"{name} {value}", f"{sentence}.", partial(arguments.set_to, value), "", alias(value))
        for value, sentence in arguments.values.items()
    ]
