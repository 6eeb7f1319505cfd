"""What the command line understands: links, shell commands, the word that is being typed, counts of runs."""

import re
import shlex
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from itertools import islice, pairwise
from typing import Final
from urllib.parse import unquote, urlsplit

from tui.domain.filters import TASK_QUEUE_PREFIX, parse_period
from tui.domain.run import Environment, Run, RunId, live_statuses, typed_words
from tui.domain.text import Raw, raw_or_none
from tui.lazy_dataclass import dataclass
from tui.store import filter as typed
from tui.store.addresses import VIEWS, ViewAddress
from tui.store.changes import Key
from tui.store.server_filter import COUNTED_FIELDS, count_values, rest_words_of
from tui.store.view import View

# Recognises a run id, or a link to a run or an error, in a pasted text.
#
# A link names its environment, so that it can be compared with that of the session before anything opens.
# Source: tests/wire/recordings/README.md §1.


MAX_CHARS: Final = 1_000
"""A longer text is no link."""

_RUN_ID: Final = re.compile(r"run_[A-Za-z0-9]{1,200}")
_WHOLE_ID: Final = re.compile(r"run_[A-Za-z0-9]{20,200}")
"""A shorter text without a link around it is a part of an id: it is looked for among the loaded runs."""

_WITHOUT_PREFIX: Final = re.compile(r"[a-z0-9]{20,64}")
_ERROR_ID: Final = re.compile(r"error_[A-Za-z0-9]{1,200}")
_LINK: Final = re.compile(r"(https?|trigger)://", re.IGNORECASE)
_AROUND: Final = " \t\r\n\"'`<>()[]{},;."
"""Characters that stand around a link in other texts."""

_SPELLINGS: Final = {"stg": "staging", "production": "prod", "development": "dev"}
"""Other slugs of an environment, in folded case. Source: tests/wire/recordings/README.md §1."""


class LinkKind(StrEnum):
    """What a link leads to."""

    RUN = "run"
    ERROR = "error"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class PastedLink:
    """A recognised text.

    `run_id` belongs to a run; `what` names anything else (`queues`). The rest is None where the
    text does not say it. `project_ref` is the project's id, `project` its slug. `host` is that of a web address.
    """

    kind: LinkKind
    run_id: RunId | None = None
    what: Raw = Raw("")
    host: Raw | None = None
    organisation: Raw | None = None
    project: Raw | None = None
    project_ref: Raw | None = None
    environment: Raw | None = None

    @property
    def is_address(self) -> bool:
        """Whether the text was more than the id of a run."""
        return self != PastedLink(LinkKind.RUN, self.run_id)


def parse_link(text: str) -> PastedLink | None:
    """Return the link that a text is, None if it is none. Never raises."""
    text = text.strip(_AROUND)
    if len(text) > MAX_CHARS:
        return None
    if _WHOLE_ID.fullmatch(text):
        return PastedLink(LinkKind.RUN, RunId(text))
    if _LINK.match(text) is None:
        return None
    try:
        parts = urlsplit(text)
        host = parts.hostname
    except ValueError:
        return None
    segments = [unquote(each) for each in parts.path.split("/") if each]
    if parts.scheme.casefold() == "trigger":
        segments, host = [each for each in (parts.netloc, *segments) if each], None
    return _link(segments, raw_or_none(host))


def parse_run(text: str) -> PastedLink | None:
    """Return the link after the word `run`, where an id may lack its `run_`. Never raises."""
    text = text.strip(_AROUND)
    return parse_link(f"run_{text}" if _WITHOUT_PREFIX.fullmatch(text) else text)


def _link(segments: list[str], host: Raw | None) -> PastedLink | None:
    named = dict(pairwise(segments))
    run = next((each for each in reversed(segments) if _RUN_ID.fullmatch(each)), None)
    error = next((each for each in reversed(segments) if _ERROR_ID.fullmatch(each)), None)
    is_numbered = "projects" in named and re.fullmatch(r"v\d+", named["projects"]) is not None
    project = None if is_numbered else named.get("projects")
    ref = segments[segments.index("projects") + 2 :][:1] if is_numbered else []
    what = "".join(segments[segments.index("env") + 2 :][:1]) if "env" in segments else ""  # such as `queues`
    if run is None and error is None and not (what and (project or ref)):
        return None
    kind = LinkKind.RUN if run is not None else LinkKind.ERROR if error is not None else LinkKind.OTHER
    run_id, project_ref = None if run is None else RunId(run), Raw(ref[0]) if ref else None
    organisation, environment = raw_or_none(named.get("orgs")), raw_or_none(named.get("env"))
    return PastedLink(kind, run_id, Raw(what), host, organisation, raw_or_none(project), project_ref, environment)


def elsewhere(link: PastedLink, environment: Environment | None) -> str:
    """Return where a link leads if that is certainly not the environment of the session, else "". The text is raw."""
    if environment is None:
        return ""
    if link.project_ref and environment.project_ref and link.project_ref != environment.project_ref:
        return f"the project {link.project_ref}"
    names = ((link.organisation, environment.organisation), (link.project, environment.project))
    if any(theirs and ours and theirs.casefold() != ours.casefold() for theirs, ours in names):
        return f"the project {link.organisation or environment.organisation}/{link.project or environment.project}"
    if link.environment and _spelled(link.environment) != _spelled(environment.slug):
        return f"the environment {link.environment}"
    if link.host and environment.dashboard_url:
        ours = urlsplit(environment.dashboard_url).hostname
        if ours and ours != link.host:
            return f"the server {link.host}"
    return ""


def _spelled(slug: str) -> str:
    folded = slug.casefold()
    return _SPELLINGS.get(folded, folded)


# The shell command that prints what a view shows, if there is one that is equal.
#
# `ls` has no text search, no negation, no durations and one order, and it knows whole names only: globs become the
# loaded names that they match. Where no command is equal, the program is started with the address. No command holds a
# key.


PROGRAM: Final = "trigger-tui"
LS_LIMIT: Final = 50
"""The runs that `ls` prints without `--limit`."""

MAX_NAMES: Final = 20
"""Names that a glob may become."""

_LIMITS: Final = (100, 200, 500, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000, 100_000)


@dataclass(frozen=True, slots=True)
class LoadedNames:
    """The values of loaded runs by field. `are_all`: every loaded run was counted, and no value was left out."""

    values: Mapping[str, Iterable[str]]
    are_all: bool


NO_NAMES: Final = LoadedNames({}, are_all=False)

_RUN_COMMANDS: Final = {"": "show", "attempts": "show", "logs": "logs", "tree": "tree", "waterfall": "trace"}
"""The command that prints the pane of a run."""

_ALL_ERRORS: Final = "24h"
"""The span of the errors view where its address names none."""


class _NoOption(Exception):
    """A word has no option that means the same."""


def shell_command(address: ViewAddress, names: LoadedNames, found: int | None = None) -> str:
    """Return the command. `found` is the number of runs that the view shows, where it is known."""
    return shlex.join((PROGRAM, *command_arguments(address, names, found)))


def command_arguments(address: ViewAddress, names: LoadedNames = NO_NAMES, found: int | None = None) -> Sequence[str]:
    """Return the arguments of the command that prints the same as a view; else its address, which opens it."""
    opening = (str(address),)
    is_plain = not address.filter and not address.sort and address.server.is_empty
    if address.run is not None:
        command = _RUN_COMMANDS.get(address.pane)
        return opening if command is None or address.run.startswith("-") else (command, address.run)
    if address.view == "errors":
        return ("errors", "--since", address.since or _ALL_ERRORS) if is_plain else opening
    # A list that is declared has a command of its name.
    if not VIEWS[address.view].has_period:
        return (address.view,) if is_plain else opening
    try:
        return ("ls", *_options(address, names), *_limit(found)) if address.view == "runs" else opening
    except _NoOption:
        return opening


def _options(address: ViewAddress, names: LoadedNames) -> list[str]:
    """Return the options of `ls`. Raises `_NoOption` if none are equal."""
    values = {name: given for name, given in address.server.lists.items() if given or name in COUNTED_FIELDS}
    if address.sort not in {"", "created"} or not values.keys() <= set(COUNTED_FIELDS):
        raise _NoOption
    for word in typed.split_words(address.filter):
        name = word.field or ""
        if name in COUNTED_FIELDS and not word.values:
            continue  # an unfinished word is no filter yet
        if word.is_negated or not typed.is_field(word) or name not in COUNTED_FIELDS or values[name]:
            raise _NoOption  # two words of one field are an "and", which no option can say
        values[name] = rest_words_of(word.values) if name == "status" else _names(word, names)
        if not values[name]:
            raise _NoOption
    if any("," in value or value != value.strip() or not value for each in values.values() for value in each):
        raise _NoOption  # `ls` splits at commas
    has_live, values["status"] = bool(live_statuses(values["status"])), typed_words(values["status"])
    options = [part for name in COUNTED_FIELDS for value in values[name] for part in (f"--{name}", value)]
    if not address.since:
        return options
    if parse_period(address.since) is not None and has_live:
        raise _NoOption  # the list also has live runs that are older
    return [*options, "--period", address.since]


def _names(word: typed.Word, names: LoadedNames) -> tuple[str, ...]:
    """Return the whole names that a word matches, in the case in which runs have them; () if these are too many."""
    known = tuple(names.values.get(word.field or "", ()))
    found: dict[str, None] = {}
    plain = typed.plain_values(word.rest)
    if len(plain) < len(word.values) and not names.are_all:
        raise _NoOption  # a glob may match names that are not counted yet
    for pattern in typed.patterns_of(word.rest, is_folded=False):
        test = typed.whole_text_test([pattern.casefold()])
        matched = [name for name in known if test(name.casefold())]
        found |= dict.fromkeys(sorted(matched) or ([] if typed.is_glob(pattern) else [typed.literal(pattern)]))
    return tuple(found) if len(found) <= MAX_NAMES else ()


def _limit(found: int | None) -> list[str]:
    """Return the limit that prints all runs that were found, if it is not the default."""
    if found is None or found <= LS_LIMIT:
        return []
    return ["--limit", str(next((each for each in _LIMITS if each >= found), found))]


# Counts loaded runs in small steps: by the values of their fields, and those that pass a filter.
#
# Counting 100,000 runs takes a third of a second. A caller stops after some milliseconds, and goes on in the next turn.


MAX_TAGS: Final = 5_000
"""Different tags that are counted, those of the newest runs: an environment may have one for each run."""

_RUNS_PER_STEP: Final = 64
_IDS_PER_STEP: Final = 512

MAX_FOUND_IDS: Final = 50


class Tally:
    """Work in small steps, which a subclass makes in `_steps`."""

    is_complete = False
    _steps: Iterator[None]

    def count_some(self, is_time_up: Callable[[], bool]) -> bool:
        """Go on until the time is up. Return whether all is done."""
        for _ in self._steps:
            if is_time_up():
                return False
        self.is_complete = True
        return True

    def stop(self) -> None:
        """Give up the work."""


class ValueTally(Tally):
    """The number of runs with each status, task, tag, version and queue.

    `is_complete`: all runs were counted, and the values of each field are in the order of their numbers.
    `has_all_tags`: no tag was left out.
    """

    def __init__(self, get: Callable[[RunId], Run | None], keys: Sequence[Key]) -> None:
        self._steps = self._count(get, iter(keys))
        self.has_all_tags = True
        self.counts: dict[str, Counter[str]] = {name: Counter() for name in COUNTED_FIELDS}

    def _count(self, get: Callable[[RunId], Run | None], keys: Iterator[Key]) -> Iterator[None]:
        while some := list(islice(keys, _RUNS_PER_STEP)):
            runs = [run for _, run_id in some if (run := get(run_id)) is not None and run.state is not None]
            self.has_all_tags &= count_values(runs, self.counts, MAX_TAGS)
            yield
        for name, counted in self.counts.items():
            counts = Counter[str]()
            for value, count in counted.items():
                counts[value.removeprefix(TASK_QUEUE_PREFIX) if name == "queue" else value] += count
            self.counts[name] = Counter(dict(counts.most_common()))
            yield


class MatchTally(Tally):
    """The runs that a view would show, and those that pass its filters of the server, as views of the store."""

    def __init__(self, base: View, shown: View) -> None:
        self.base, self.shown = base, shown

    def count_some(self, is_time_up: Callable[[], bool]) -> bool:
        self.is_complete = all(view.fill(is_time_up) for view in (self.base, self.shown))
        return self.is_complete

    def stop(self) -> None:
        for view in (self.base, self.shown):
            view.stop()


class IdSearch(Tally):
    """The newest runs whose id ends with a text, or else contains it; at most `MAX_FOUND_IDS` of each.

    Of an id as the list shows it, `run_cm…6e3t`, begin and end count.
    """

    def __init__(self, keys: Sequence[Key], part: str) -> None:
        self._steps = self._search(iter(keys))
        self._begin, self._cut, self._part = part.casefold().replace("..", "…").rpartition("…")
        self._ending: list[RunId] = []
        self._containing: list[RunId] = []

    @property
    def found(self) -> Sequence[RunId]:
        """The runs found so far, the best first."""
        return [*self._ending, *self._containing][:MAX_FOUND_IDS]

    def _search(self, keys: Iterator[Key]) -> Iterator[None]:
        while len(self._ending) < MAX_FOUND_IDS and (some := list(islice(keys, _IDS_PER_STEP))):
            for _, run_id in some:
                text = run_id.casefold()
                if text.endswith(self._part) and text.startswith(self._begin):
                    self._ending.append(run_id)
                elif not self._cut and len(self._containing) < MAX_FOUND_IDS and self._part in text:
                    self._containing.append(run_id)
            yield
