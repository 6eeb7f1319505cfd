"""The filter that a user types after `/`: its words, its fields, and the test that it makes of them."""

import re
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import field, replace
from datetime import UTC, datetime, timedelta
from fnmatch import translate
from functools import lru_cache
from itertools import islice, repeat
from typing import Any, Final, NamedTuple

from tui.domain.run import (
    ABSENT,
    EXECUTING_FAMILY,
    FAILED,
    FINAL,
    LIVE,
    QUEUED_FAMILY,
    ROWS_BY_NAME,
    STATUS_TABLE,
    Absent,
    Json,
    Run,
    RunStatus,
    fold,
)
from tui.lazy_dataclass import dataclass

# Splits a filter into words, and each word into a field and values. `FIELDS` has the meaning of each field.


TextTest = Callable[[str], bool]
"""Returns whether a case-folded text matches."""

# A word ends at a space outside quotes. A quote that is never closed ends with the text.
_WORD: Final = re.compile(r'(?:"[^"]*"?|[^\s"])+')
_PART: Final = re.compile(r'"([^"]*)"?|([^"]+)')
# A field begins with a letter: `10:30` is a time of day. Only values of the user's code have a path.
_FIELD: Final = re.compile(r"((?:payload|output|metadata)(?:\.[^\s\":,.]+)+|[^\W\d_][\w-]*):", re.IGNORECASE)
GLOB: Final = re.compile(r"[*?[]")


@dataclass(frozen=True, slots=True)
class Word:
    """One word of a filter.

    `source` is the word without its `-`. `field` is the case-folded text before the colon, None without a colon. `rest`
    is the text after the colon. `is_open`: the filter ends with this word, so that the next key may change it. `path`:
    the part of a field after its first dot, such as `customer.id`.
    """

    source: str
    field: str | None
    rest: str
    is_negated: bool
    is_open: bool
    path: str = ""

    @property
    def name(self) -> str:
        """The field with its path, as it was typed."""
        return f"{self.field}.{self.path}" if self.path else self.field or ""

    @property
    def values(self) -> list[str]:
        """The values after the colon, as case-folded glob patterns."""
        return patterns_of(self.rest)

    @property
    def texts(self) -> list[str]:
        """The whole word as text to search for, as case-folded glob patterns."""
        return patterns_of(self.source)


def split_words(text: str) -> list[Word]:
    """Split a filter into words. Never raises."""
    found: list[Word] = []
    for match in _WORD.finditer(text):
        source = match[0].removeprefix("-")
        field = _FIELD.match(source)
        rest = source[field.end() :] if field else ""
        name, _, path = field[1].casefold().partition(".") if field else ("", "", "")
        found.append(Word(source, name or None, rest, match[0].startswith("-"), match.end() == len(text), path))
    return found


def patterns_of(source: str, *, is_folded: bool = True) -> list[str]:
    """Return the values between unquoted commas as glob patterns, without empty ones."""
    patterns = [""]
    for quoted, bare in _PART.findall(source):
        if bare:
            first, *others = bare.replace("[", "[[]").split(",")
            patterns[-1] += first
            patterns += others
        else:
            patterns[-1] += GLOB.sub(r"[\g<0>]", quoted)
    return [pattern.casefold() if is_folded else pattern for pattern in patterns if pattern]


def as_value(text: str) -> str:
    """Return a text as one value of a field, quoted unless it is plain. No value can have a quote: `?` fits it."""
    is_plain = not any(each.isspace() or each in ',*?["' for each in text)
    return text if is_plain else '"' + text.replace('"', '"?"') + '"'


def plain_values(source: str) -> list[str]:
    """Return the values between unquoted commas as they were typed, without quotes and without globs."""
    values = patterns_of(source, is_folded=False)
    return [literal(value) for value in values if not is_glob(value)]


def literal(pattern: str) -> str:
    """Return the text that a pattern without a glob stands for."""
    return re.sub(r"\[([*?[])\]", r"\1", pattern)


def is_glob(pattern: str) -> bool:
    """Return whether a pattern has `*`, `?` or `[` that is not quoted."""
    return GLOB.search(re.sub(r"\[[*?[]\]", "", pattern)) is not None


def whole_text_test(patterns: list[str]) -> TextTest:
    """Return a test whether a text equals a value or matches a glob as a whole."""
    plain, glob = _split(patterns)
    texts = frozenset(plain)
    return texts.__contains__ if glob is None else lambda text: text in texts or glob(text)


def substring_test(patterns: list[str]) -> TextTest:
    """Return a test whether a text contains a value or a match of a glob."""
    plain, glob = _split([f"*{pattern}*" if GLOB.search(pattern) else pattern for pattern in patterns])
    if glob is None and len(plain) == 1:
        return lambda text: plain[0] in text
    return lambda text: any(part in text for part in plain) or (glob is not None and glob(text))


def _split(patterns: list[str]) -> tuple[list[str], TextTest | None]:
    """Separate plain texts from globs, and combine all globs into one test."""
    globs = [pattern for pattern in patterns if GLOB.search(pattern)]
    plain = [pattern for pattern in patterns if not GLOB.search(pattern)]
    if not globs:
        return plain, None
    match = re.compile("|".join(translate(glob) for glob in globs)).match
    return plain, lambda text: match(text) is not None


# The words that `status:` accepts in a filter: the names of statuses, and the names of groups of statuses.
#
# The name of a status means that status alone, since a user may cancel all runs that the filter shows. The groups have
# other names: `waiting-to-start`, `running`, `failed`, `live`, `final`. A run whose code threw an error is `threw`.


GROUPS: Final[Mapping[str, frozenset[RunStatus]]] = {
    "live": LIVE,
    "final": FINAL,
    "failed": FAILED,
    "running": EXECUTING_FAMILY,
    "waiting to start": QUEUED_FAMILY,
}
"""The statuses of each group, by its folded name."""

MAX_SUGGESTIONS: Final = 2

_EARLIER: Final = {"failures": "failed"}
"""Words of earlier versions, which saved views may have."""

_TITLES: Final = frozenset(row.title for rows in ROWS_BY_NAME.values() for row in rows)
_TITLES_BY_NAME: Final = {name: {row.title for row in rows} for name, rows in ROWS_BY_NAME.items()}
_WORDS: Final = {each: _TITLES_BY_NAME[each] for row in STATUS_TABLE for each in map(fold, (row.title, row.word))}


@dataclass(frozen=True, slots=True)
class StatusWords:
    """The parsed values of `status:`.

    `titles` are single statuses, `group` the statuses of groups, `unknown` the words that are neither. A run with a
    status that this program does not know matches by the server's word: `own_word` tests it, folded.
    """

    titles: frozenset[str]
    group: frozenset[RunStatus]
    unknown: tuple[str, ...]
    own_word: TextTest

    def matches(self, run: Run) -> bool:
        """Return whether the status of a run matches one of the words."""
        title = run.status_title
        if title in self.titles or run.status in self.group:
            return True
        return title not in _TITLES and self.own_word(fold(title))


def read_status_words(patterns: list[str]) -> StatusWords:
    """Parse the values of `status:`. The beginning of a name means every status whose name begins so."""
    titles: set[str] = set()
    group: set[RunStatus] = set()
    unknown: list[str] = []
    names = [_EARLIER.get(name, name) for name in map(fold, patterns)]
    for name in names:
        if name in GROUPS:
            group |= GROUPS[name]
        elif found := _titles_of(name):
            titles |= found
        elif groups := [each for each in GROUPS if _fits(name)(each)]:
            group = group.union(*(GROUPS[each] for each in groups))
        else:
            unknown.append(name)
    return StatusWords(frozenset(titles), frozenset(group), tuple(unknown), _fits(*names))


def nearest_statuses(name: str) -> list[str]:
    """Return the status words that are most similar to an unknown one, best first, as the user would type them."""
    from difflib import get_close_matches  # noqa: PLC0415  most words are right

    spelled = [each.replace(" ", "-") for each in dict.fromkeys((*_WORDS, *GROUPS))]
    return get_close_matches(fold(name).replace(" ", "-"), spelled, n=MAX_SUGGESTIONS)


def _titles_of(name: str) -> set[str]:
    """Return the statuses with this name, otherwise those with a title that begins so, otherwise with another word."""
    if name in _TITLES_BY_NAME:
        return _TITLES_BY_NAME[name]
    test = _fits(name)
    for names in (_WORDS, _TITLES_BY_NAME):
        found = set[str]().union(*(titles for each, titles in names.items() if test(each)))
        if found:
            return found
    return set()


def _fits(*names: str) -> TextTest:
    return whole_text_test([name if GLOB.search(name) else f"{name}*" for name in names])


# The fields of the filter language, such as `status:` and `age:`. `FIELDS` has them.
#
# A parser turns one word of a filter into a term: a function that returns whether a run matches. Only the terms of
# `age` and `took` depend on the current time.


Term = Callable[[Run], bool]
TimedTerm = Callable[[Run, datetime | None], bool]
"""A term that depends on the current time; None: the time is not known."""

MAX_REMEMBERED_TESTS: Final = 1024
"""Values of tasks, versions, statuses and tags whose last test a term remembers."""

MAX_REMEMBERED_KINDS: Final = 1024
"""Errors whose group a term remembers."""

MAX_DURATION: Final = timedelta(days=36_500)
"""A longer duration is rejected: the current time minus it must be a valid date."""

_DURATION: Final = re.compile(r"(?:\d{1,9}(?:\.\d{1,3})?(?:ms|[smhdw]))+")
_DURATION_PART: Final = re.compile(r"(\d+(?:\.\d+)?)(ms|[smhdw])")
_UNFINISHED_DURATION: Final = re.compile(r"[<>]?=?[\d.smhdw]*")
_UNITS_S: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0, "w": 604_800.0}
_FINGERPRINT: Final = re.compile(r"[0-9a-f]{4,16}")
_ANSWERS: Final = {"yes": True, "true": True, "1": True, "no": False, "false": False, "0": False}


@dataclass(frozen=True, slots=True)
class InvalidWord:
    """A word that could not be parsed, and the reason, both in raw text.

    `may_be_unfinished`: the user may still complete the word.
    """

    word: str
    reason: str
    may_be_unfinished: bool = False


@dataclass(frozen=True, slots=True)
class Filter:
    """A parsed filter. Two filters are equal if their `text`, `now` and `narrowed_by` are equal.

    * `terms`, and `timed`, the terms that depend on the time: a run matches the filter if it matches all of them.
    * `narrowed_by`: identifies the terms that `with_server_filters` added, when filters are compared.
    * `now`: the time that `age` and `took` are relative to.
    * `invalid_words`: the words that could not be parsed.
    * `age_bounds`: the ages at which a run starts or stops matching.
    * `depends_on_duration`: the filter has `took`, so that a live run may start or stop matching at any time.
    * `depends_on_errors`: whether a run matches may depend on its error.
    * `depends_on_bodies`: whether a run matches may depend on its payload, output or metadata.
    * `hint`: a suggestion for a word that is narrower than it sounds.
    """

    text: str = ""
    terms: tuple[Term, ...] = field(default=(), compare=False, repr=False)
    narrowed_by: Hashable = None
    now: datetime | None = None
    timed: tuple[TimedTerm, ...] = field(default=(), compare=False, repr=False)
    invalid_words: tuple[InvalidWord, ...] = field(default=(), compare=False)
    age_bounds: tuple[timedelta, ...] = field(default=(), compare=False, repr=False)
    depends_on_duration: bool = field(default=False, compare=False, repr=False)
    depends_on_errors: bool = field(default=False, compare=False, repr=False)
    depends_on_bodies: bool = field(default=False, compare=False, repr=False)
    hint: str = field(default="", compare=False, repr=False)

    @property
    def is_empty(self) -> bool:
        """Whether the filter has no terms, so that every run matches."""
        return not (self.terms or self.timed)

    def matches(self, run: Run) -> bool:
        """Return whether a run matches all terms."""
        for term in self.terms:
            if not term(run):
                return False
        for timed in self.timed:  # noqa: SIM110  a generator would cost as much as a term
            if not timed(run, self.now):
                return False
        return True

    @property
    def test(self) -> Term:
        """The cheapest function that does the same as `matches`, to call it for many runs."""
        return self.terms[0] if len(self.terms) == 1 and not self.timed else self.matches

    def at(self, now: datetime) -> "Filter":
        """Return the same filter at another time."""
        return replace(self, now=now)

    def both(self, other: "Filter") -> "Filter":
        """Return the same filter with the terms of another one too."""
        values: dict[str, Any] = {each: getattr(self, each) + getattr(other, each) for each in _JOINED}
        values |= {each: getattr(self, each) or getattr(other, each) for each in _EITHER}
        return replace(self, **values)


_JOINED: Final = ("terms", "timed", "invalid_words", "age_bounds")
_EITHER: Final = ("depends_on_duration", "depends_on_errors", "depends_on_bodies", "hint")


EVERYTHING = Filter()
FieldParser = Callable[[Word], Filter]
"""Returns the filter that one word is."""


def text_term(patterns: list[str]) -> Term:
    """Return a term that searches task, id, status, tags, version, error message and error name for a text, and
    payload, output and metadata, where they were read.
    """
    test = substring_test(patterns)
    in_error = _error_test(patterns)
    shared = _remembering(test)

    def term(run: Run) -> bool:
        fixed = run.fixed
        if shared(fixed.task or "") or test(run.id.casefold()) or shared(run.status_title):
            return True
        if run.state is not None and run.state.tags and any(map(shared, run.state.tags)):
            return True
        if fixed.version is not None and shared(fixed.version):
            return True
        if run.error is not None and in_error(run):
            return True
        return any(test(_text_of(value)) for root in BODY_FIELDS for value in _values(_root_of(run, root), ()))

    return term


_RUN_ID: Final = re.compile(r"run_[a-z0-9]{20,64}")
BODY_FIELDS: Final = ("payload", "output", "metadata")
"""The values of the user's code. The list sends only metadata."""


def _root_of(run: Run, root: str) -> Json | Absent:
    if root == "metadata":
        return run.metadata_values
    return ABSENT if run.body is None else run.body[1].payload if root == "payload" else run.body[1].output


def _values(value: Json | Absent, steps: Sequence[str]) -> Iterator[Json]:
    """Yield the single values at and below a path of case-folded names. A path goes through all elements of a list."""
    if isinstance(value, dict):
        for key, each in value.items():
            if not steps or key.casefold() == steps[0]:
                yield from _values(each, steps[1:])
    elif isinstance(value, list):
        for each in value:
            yield from _values(each, steps)
    elif not steps and not isinstance(value, Absent):
        yield value


def _text_of(value: Json) -> str:
    """Return a single value as JSON writes it, case-folded; a text without its quotes."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return str(value).casefold()


def _body_value(word: Word) -> Filter:
    """Parse `payload.customer:1025`: a part of a text, or a whole number, at the path or below it."""
    root, steps = word.field or "", tuple(filter(None, word.path.split(".")))
    part, whole = substring_test(word.values), whole_text_test(word.values)

    def term(run: Run) -> bool:
        values = _values(_root_of(run, root), steps)
        return any((part if isinstance(value, str) else whole)(_text_of(value)) for value in values)

    return Filter(terms=(term,), depends_on_bodies=True)


def value_filter(root: str, value: Json, path: Sequence[int]) -> str:
    """Return the filter that finds the single value at a path of positions; empty where none can name it.

    Where a name of its path can be none of a field, the filter finds the value anywhere below the root.
    """
    names = [root]
    for position in path:
        if isinstance(value, dict):
            name, value = next(islice(value.items(), position, None))
            names.append(name)
        elif isinstance(value, list):
            value = value[position]
    text = "" if isinstance(value, dict | list) else value if isinstance(value, str) else _text_of(value)
    if root not in BODY_FIELDS or not text or not text.isprintable():
        return ""
    field = ".".join(names)
    is_field = field.count(".") == len(names) - 1 and _FIELD.fullmatch(f"{field}:")
    return f"{field if is_field else root}:{as_value(text)}"


def lacks_body(run: Run) -> bool:
    """Return whether payload and output of a run are not known, or are those of an earlier time."""
    if run.body is None:
        return not run.is_gone
    return run.is_final and run.state is not None and run.body[0].updated_at < run.state.updated_at


def _remembering(test: TextTest) -> TextTest:
    """Return a test that folds the case itself and remembers its results, for values that many runs share."""
    return lru_cache(MAX_REMEMBERED_TESTS)(lambda text: test(text.casefold()))


def _error_test(patterns: list[str]) -> Term:
    test = substring_test(patterns)

    def term(run: Run) -> bool:
        error = run.error_value
        if error is None:
            return False
        return test(error.message.casefold()) or (error.name is not None and test(error.name.casefold()))

    return term


def _parse_group(word: Word) -> Filter:
    """Parse `group:`, the start of the fingerprint of an error group. Only failed runs are in groups."""
    from tui.domain.error_kinds import kind_of  # noqa: PLC0415  loaded when first used

    starts = tuple(word.values)
    if not all(_FINGERPRINT.fullmatch(start) for start in starts):
        reason = "group must be the fingerprint of an error group, 4 to 16 of 0-9 a-f"
        return _invalid(word, reason, may_be_unfinished=True)
    fingerprint_of = lru_cache(MAX_REMEMBERED_KINDS)(lambda error: kind_of(error).fingerprint)

    def term(run: Run) -> bool:
        error = run.error_value
        return error is not None and run.status.is_failed and fingerprint_of(error).startswith(starts)

    return Filter(terms=(term,), depends_on_errors=True)


def _whole_value(value_of: Callable[[Run], str | None]) -> FieldParser:
    """Return a parser for a field whose whole value must match. A run without a value does not match."""

    def parse(word: Word) -> Filter:
        test = _remembering(whole_text_test(word.values))
        return _of(lambda run: (value := value_of(run)) is not None and test(value))

    return parse


def _parse_id(word: Word) -> Filter:
    test = substring_test(word.values)
    return _of(lambda run: test(run.id.casefold()))


def _parse_tag(word: Word) -> Filter:
    test = _remembering(whole_text_test(word.values))
    return _of(lambda run: run.state is not None and any(map(test, run.state.tags)))


def _parse_queue(word: Word) -> Filter:
    """Parse `queue:`. The queue of a task is stored as `task/<task id>` and matches with or without `task/`."""
    test = whole_text_test(word.values)

    def term(run: Run) -> bool:
        queue = (run.fixed.queue or "").casefold()
        return bool(queue) and (test(queue) or test(queue.removeprefix("task/")))

    return _of(term)


def _parse_test(word: Word) -> Filter:
    wanted: set[bool] = set()
    for value in word.values:
        meant = next((is_test for name, is_test in _ANSWERS.items() if name.startswith(value)), None)
        if meant is None:
            return _invalid(word, "test must be yes or no")
        wanted.add(meant)
    return _of(lambda run: bool(run.fixed.is_test) in wanted)


def _parse_status(word: Word) -> Filter:
    meant = read_status_words(word.values)
    invalid: tuple[InvalidWord, ...] = ()
    if meant.unknown:
        name = meant.unknown[0]
        near = nearest_statuses(name)
        groups = " ".join(each.replace(" ", "-") for each in GROUPS)
        other = f"similar names: {' '.join(near)}" if near else f"use the name of a status, or {groups}"
        invalid = (InvalidWord(word.source, f'no status "{name}"; {other}'),)
    hint = next((hint for name, hint in _HINTS.items() if name in word.values), "")
    return Filter(terms=(meant.matches,), invalid_words=invalid, hint=hint)


_HINTS: Final = {
    "queued": "delayed runs are status:delayed",
    "waiting": "runs that have not started are status:waiting-to-start",
    "executing": "running matches retries too",
}
"""Hints for statuses that sound like a group."""


def _age(run: Run, now: datetime | None) -> timedelta | None:
    return None if run.created_at is None or now is None else max(now - run.created_at, timedelta())


def _took(run: Run, now: datetime | None) -> timedelta | None:
    lasted = None if now is None and not run.is_final else run.took(now or _UNUSED_TIME)
    return None if lasted is None else max(lasted, timedelta())


_UNUSED_TIME: Final = datetime.min.replace(tzinfo=UTC)
"""Passed for a run that has ended: its duration does not depend on the current time."""


def _parse_duration_word(name: str, duration_of: Callable[[Run, datetime | None], timedelta | None]) -> FieldParser:
    def parse(word: Word) -> Filter:
        ranges: list[_DurationRange] = []
        for value in word.values:
            each = _parse_range(value)
            if each is None:
                # Only the last value can be unfinished: the others end at a comma.
                is_last = word.is_open and value == word.values[-1]
                may_be_unfinished = is_last and all(map(_UNFINISHED_DURATION.fullmatch, value.split("..")))
                reason = f'"{value}" is not a duration; use for example {name}:>10s {name}:<2m {name}:1m..5m'
                return _invalid(word, reason, may_be_unfinished=may_be_unfinished)
            ranges.append(each)

        def term(run: Run, now: datetime | None) -> bool:
            duration = duration_of(run, now)
            return duration is not None and any(map(_DurationRange.contains, ranges, repeat(duration)))

        if duration_of is _took:
            return Filter(timed=(term,), depends_on_duration=True)
        bounds = tuple(bound for each in ranges for bound in (each.minimum, each.maximum) if bound is not None)
        return Filter(timed=(term,), age_bounds=bounds)

    return parse


@dataclass(frozen=True, slots=True)
class _DurationRange:
    """A range of durations. None: no bound on that side. `is_strict` excludes the bounds."""

    minimum: timedelta | None = None
    maximum: timedelta | None = None
    is_strict: bool = False

    def contains(self, duration: timedelta) -> bool:
        if self.is_strict and (duration == self.minimum or duration == self.maximum):  # noqa: PLR1714  faster than a set
            return False
        return (self.minimum is None or duration >= self.minimum) and (self.maximum is None or duration <= self.maximum)


def _parse_range(text: str) -> _DurationRange | None:
    """Parse `>10s` `>=10s` `<2m` `1m..5m` `1m..` `..5m`. None for anything else and for an empty range."""
    if ".." in text:
        first, _, last = text.partition("..")
        minimum, maximum = _parse_duration(first), _parse_duration(last)
        is_whole = bool(first or last) and (minimum is None) is not bool(first) and (maximum is None) is not bool(last)
        is_empty = minimum is not None and maximum is not None and minimum > maximum
        return _DurationRange(minimum, maximum) if is_whole and not is_empty else None
    sign = text[:2] if text[:2] in {">=", "<="} else text[:1]
    bound = _parse_duration(text[len(sign) :])
    if bound is None or sign not in {">", ">=", "<", "<="}:
        return None
    is_strict = len(sign) == 1
    return _DurationRange(bound, None, is_strict) if sign[0] == ">" else _DurationRange(None, bound, is_strict)


def _parse_duration(text: str) -> timedelta | None:
    """Parse a duration such as `90s` `1.5h` `1m30s`. None for anything else and for a duration that is too long."""
    if _DURATION.fullmatch(text) is None:
        return None
    seconds = sum(float(number) * _UNITS_S[unit] for number, unit in _DURATION_PART.findall(text))
    return timedelta(seconds=seconds) if seconds <= MAX_DURATION.total_seconds() else None


class Field(NamedTuple):
    """A field: its parser, a sentence about its values, and values that are offered for it."""

    parse: FieldParser
    sentence: str
    values: tuple[str, ...] = ()


FIELDS: Final[Mapping[str, Field]] = {
    "status": Field(_parse_status, "failed, crashed, executing …"),
    "task": Field(_whole_value(lambda run: run.fixed.task), "the whole name, or sync-*"),
    "tag": Field(_parse_tag, "runs with a tag; -tag: without it"),
    "version": Field(_whole_value(lambda run: run.fixed.version), "20261124.1"),
    "queue": Field(_parse_queue, "the queue of the run"),
    "error": Field(
        lambda word: Filter(terms=(_error_test(word.values),), depends_on_errors=True), "a part of the error"
    ),
    "took": Field(_parse_duration_word("took", _took), ">10s, <2m, 1m..5m", (">1s", ">10s", ">1m", ">10m")),
    "age": Field(_parse_duration_word("age", _age), "<5m, >1h", ("<5m", "<1h", "<24h", ">1h")),
    "group": Field(_parse_group, "an error group, by its fingerprint"),
    "id": Field(_parse_id, "a part of the id"),
    **dict.fromkeys(BODY_FIELDS, Field(_body_value, "payload.customer:1025, once it was read")),
    "test": Field(_parse_test, "yes or no", ("yes", "no")),
    "env": Field(_whole_value(lambda run: run.fixed.environment), "the environment of the run"),
}
"""The fields, in the order in which they are offered and listed."""


# The filter that a user types after `/`: `status:failed task:sync-* tag:x -tag:y took:>10s`, and text.
#
# * All words of a filter must match. A comma inside a word means "or", and `-` before a word negates it.
# * A word without a field is text. It matches anywhere in task, id, tags, status, version or error.
# * `id:` and `error:` match a part of the id or the error, `group:` the start of the fingerprint of an error group. All
#   other fields match the whole value.
# * `payload`, `output` and `metadata` may have a path: `payload.customer.id:1025`. They match only once they were read.
# * Unquoted `*` and `?` are globs. Quotes keep spaces, commas, globs and colons literal. Case does not matter.
# * A word that cannot be parsed matches no run, and `Filter.invalid_words` says why.


_TEXT_AFTER_COLON: Final = ("/", "\\", ":")
"""`http://x`, `C:\\x` and `std::x` are text, not fields."""


MAX_WORDS: Final = 64
MAX_VALUES: Final = 256
"""The maximum for all words together, since every run is compared with each of them."""


def parse_filter(text: str, *, now: datetime | None = None, is_typing: bool = False) -> Filter:
    """Parse a filter. Never raises.

    `is_typing`: the user is still typing. The last word is then ignored as long as it may be an unfinished one.
    """
    words = split_words(text)
    if len(words) > MAX_WORDS or sum(len(word.texts) for word in words) > MAX_VALUES:
        invalid = InvalidWord(text, f"a filter has at most {MAX_WORDS} words and {MAX_VALUES} values")
        return Filter(text, (_match_nothing,), invalid_words=(invalid,))
    whole = Filter(text, now=now)
    for word in words:
        whole = whole.both(_parse_word(word, is_typing=is_typing))
    return whole


def highlighted_texts(text: str) -> tuple[str, ...]:
    """Return the words of a filter that match as text, case-folded, so that the list can highlight them."""
    words = [word for word in split_words(text) if not word.is_negated and not is_field(word)]
    return tuple(value for word in words for value in word.texts if not GLOB.search(value))


def is_field(word: Word) -> bool:
    """Return whether a word has a field, known or not, instead of being a text that contains a colon."""
    if word.field is None:
        return False
    return word.field in FIELDS or bool(word.rest and not word.rest.startswith(_TEXT_AFTER_COLON))


def _parse_word(word: Word, *, is_typing: bool) -> Filter:
    """Parse a word. One without a value yet, such as `status:`, `-` or an open quote, is no filter."""
    if not is_field(word):
        texts = word.texts
        return _negated(text_filter(texts), word) if texts else EVERYTHING
    if word.field == "since":  # the word of an address, which `:runs` takes
        (word,) = split_words(f"{'-' if word.is_negated else ''}age:{'<' if word.rest else ''}{word.rest}")
    if word.field is None or word.field not in FIELDS:
        reason = f'no field "{word.field}"; the fields are {" ".join(FIELDS)}; use quotes to search for text'
        return replace(_invalid(word, reason), terms=(_match_nothing,))
    if not word.values:
        return EVERYTHING
    parsed = FIELDS[word.field].parse(word)
    if not parsed.invalid_words:
        return _negated(parsed, word)
    if parsed.invalid_words[0].may_be_unfinished and is_typing:
        return EVERYTHING
    if word.is_negated or parsed.is_empty:
        return Filter(terms=(_match_nothing,), invalid_words=parsed.invalid_words)
    return parsed


def text_filter(texts: list[str]) -> Filter:
    """Return the filter that a word without a field is."""
    is_run_id = all(map(_RUN_ID.fullmatch, texts))
    return Filter(terms=(text_term(texts),), depends_on_errors=True, depends_on_bodies=not is_run_id)


def without_bodies(text: str) -> Filter:
    """Return the part of a filter that decides without payload, output and metadata."""
    whole = EVERYTHING
    for word in split_words(text):
        parsed = _parse_word(word, is_typing=True)
        whole = whole if parsed.depends_on_bodies else whole.both(parsed)
    return whole


def _invalid(word: Word, reason: str, *, may_be_unfinished: bool = False) -> Filter:
    return Filter(invalid_words=(InvalidWord(word.source, reason, may_be_unfinished),))


def _of(term: Term) -> Filter:
    return Filter(terms=(term,))


def _negated(parsed: Filter, word: Word) -> Filter:
    if not word.is_negated:
        return parsed
    terms, timed = tuple(map(_not, parsed.terms)), tuple(map(_not_now, parsed.timed))
    return replace(parsed, terms=terms, timed=timed, hint="")


def _not(term: Term) -> Term:
    return lambda run: not term(run)


def _not_now(term: TimedTerm) -> TimedTerm:
    return lambda run, now: not term(run, now)


def _match_nothing(_run: Run) -> bool:
    """Match no run, for a word that could not be parsed.

    Showing runs would be a guess, and a user who marks or cancels runs acts on those that are shown.
    """
    return False
