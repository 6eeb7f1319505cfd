"""The fields of the filter language, such as `status:` and `age:`. `FIELDS` has the parser of each.

A parser turns one word of a filter into a term: a function that returns whether a run matches. Only the terms of `age`
and `took` depend on the current time.
"""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import repeat
from types import MappingProxyType
from typing import Final

from tui.domain.run import Run
from tui.lazy_dataclass import dataclass
from tui.store.filter_words import TextTest, Word, substring_test, whole_text_test
from tui.store.status_words import GROUPS, nearest_statuses, read_status_words

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
_YES: Final = ("yes", "true", "1")
_NO: Final = ("no", "false", "0")


@dataclass(frozen=True, slots=True)
class InvalidWord:
    """A word that could not be parsed, and the reason, both in raw text.

    `may_be_unfinished`: the user may still complete the word.
    """

    word: str
    reason: str
    may_be_unfinished: bool = False


@dataclass(frozen=True, slots=True)
class ParsedWord:
    """The terms of one word; `invalid` is set if the word, or a part of it, could not be parsed.

    The other attributes are explained in `Filter`.
    """

    term: Term | None = None
    timed: TimedTerm | None = None
    invalid: InvalidWord | None = None
    age_bounds: tuple[timedelta, ...] = ()
    depends_on_duration: bool = False
    depends_on_errors: bool = False
    hint: str = ""


FieldParser = Callable[[Word], ParsedWord]


def text_term(patterns: list[str]) -> Term:
    """Return a term that searches task, id, status, tags, version, error message and error name for a text."""
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
        return run.error is not None and in_error(run)

    return term


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


def _parse_error(word: Word) -> ParsedWord:
    return ParsedWord(_error_test(word.values), depends_on_errors=True)


def _parse_group(word: Word) -> ParsedWord:
    """Parse `group:`, the start of the fingerprint of an error group. Only failed runs are in groups."""
    from tui.domain.errors.kinds import kind_of  # noqa: PLC0415  loaded when first used

    starts = tuple(word.values)
    if not all(_FINGERPRINT.fullmatch(start) for start in starts):
        reason = "group must be the fingerprint of an error group, 4 to 16 of 0-9 a-f"
        return ParsedWord(invalid=InvalidWord(word.source, reason, may_be_unfinished=True))
    fingerprint_of = lru_cache(MAX_REMEMBERED_KINDS)(lambda error: kind_of(error).fingerprint)

    def term(run: Run) -> bool:
        error = run.error_value
        return error is not None and run.status.is_failed and fingerprint_of(error).startswith(starts)

    return ParsedWord(term, depends_on_errors=True)


def _whole_value(value_of: Callable[[Run], str | None]) -> FieldParser:
    """Return a parser for a field whose whole value must match. A run without a value does not match."""

    def parse(word: Word) -> ParsedWord:
        test = _remembering(whole_text_test(word.values))
        return ParsedWord(lambda run: (value := value_of(run)) is not None and test(value))

    return parse


def _parse_id(word: Word) -> ParsedWord:
    test = substring_test(word.values)
    return ParsedWord(lambda run: test(run.id.casefold()))


def _parse_tag(word: Word) -> ParsedWord:
    test = _remembering(whole_text_test(word.values))
    return ParsedWord(lambda run: run.state is not None and any(map(test, run.state.tags)))


def _parse_queue(word: Word) -> ParsedWord:
    """Parse `queue:`. The queue of a task is stored as `task/<task id>` and matches with or without `task/`."""
    test = whole_text_test(word.values)

    def term(run: Run) -> bool:
        queue = (run.fixed.queue or "").casefold()
        return bool(queue) and (test(queue) or test(queue.removeprefix("task/")))

    return ParsedWord(term)


def _parse_test(word: Word) -> ParsedWord:
    wanted: set[bool] = set()
    for value in word.values:
        meant = next((answer for answer, names in ((True, _YES), (False, _NO)) if _starts_any(names, value)), None)
        if meant is None:
            return ParsedWord(invalid=InvalidWord(word.source, "test must be yes or no"))
        wanted.add(meant)
    return ParsedWord(lambda run: bool(run.fixed.is_test) in wanted)


def _starts_any(names: tuple[str, ...], value: str) -> bool:
    return any(name.startswith(value) for name in names)


def _parse_status(word: Word) -> ParsedWord:
    meant = read_status_words(word.values)
    invalid = None
    if meant.unknown:
        name = meant.unknown[0]
        near = nearest_statuses(name)
        groups = " ".join(each.replace(" ", "-") for each in GROUPS)
        other = f"similar names: {' '.join(near)}" if near else f"use the name of a status, or {groups}"
        invalid = InvalidWord(word.source, f'no status "{name}"; {other}')
    hint = next((hint for name, hint in _HINTS.items() if name in word.values), "")
    return ParsedWord(meant.matches, invalid=invalid, hint=hint)


_HINTS: Final = {
    "failed": "failures matches every kind of failure",
    "queued": "waiting-to-start matches delayed runs too",
    "executing": "running matches retries too",
}
"""Hints for statuses that sound like a group: `failed` is one of six kinds of failure, for example."""


def _parse_age(word: Word) -> ParsedWord:
    def duration(run: Run, now: datetime | None) -> timedelta | None:
        created_at = run.created_at
        return None if created_at is None or now is None else max(now - created_at, timedelta())

    return _parse_duration_word(word, duration, is_age=True)


def _parse_took(word: Word) -> ParsedWord:
    def duration(run: Run, now: datetime | None) -> timedelta | None:
        if now is None and not run.is_final:
            return None
        lasted = run.took(now or _UNUSED_TIME)
        return None if lasted is None else max(lasted, timedelta())

    return _parse_duration_word(word, duration, is_age=False)


_UNUSED_TIME: Final = datetime.min.replace(tzinfo=UTC)
"""Passed for a run that has ended: its duration does not depend on the current time."""


def _parse_duration_word(
    word: Word, duration_of: Callable[[Run, datetime | None], timedelta | None], *, is_age: bool
) -> ParsedWord:
    name = "age" if is_age else "took"
    ranges: list[_DurationRange] = []
    contains = _DurationRange.contains
    for value in word.values:
        each = _parse_range(value)
        if each is None:
            # Only the last value can be unfinished: the others end at a comma.
            is_last = word.is_open and value == word.values[-1]
            may_be_unfinished = is_last and all(map(_UNFINISHED_DURATION.fullmatch, value.split("..")))
            reason = f'"{value}" is not a duration; use for example {name}:>10s {name}:<2m {name}:1m..5m'
            return ParsedWord(invalid=InvalidWord(word.source, reason, may_be_unfinished=may_be_unfinished))
        ranges.append(each)

    def term(run: Run, now: datetime | None) -> bool:
        duration = duration_of(run, now)
        return duration is not None and any(map(contains, ranges, repeat(duration)))

    age_bounds = tuple(bound for each in ranges for bound in (each.minimum, each.maximum) if bound is not None)
    return ParsedWord(timed=term, age_bounds=age_bounds if is_age else (), depends_on_duration=not is_age)


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
    return (
        _DurationRange(minimum=bound, is_strict=is_strict)
        if sign[0] == ">"
        else _DurationRange(maximum=bound, is_strict=is_strict)
    )


def _parse_duration(text: str) -> timedelta | None:
    """Parse a duration such as `90s` `1.5h` `1m30s`. None for anything else and for a duration that is too long."""
    if _DURATION.fullmatch(text) is None:
        return None
    seconds = sum(float(number) * _UNITS_S[unit] for number, unit in _DURATION_PART.findall(text))
    return timedelta(seconds=seconds) if seconds <= MAX_DURATION.total_seconds() else None


FIELDS: Final[Mapping[str, FieldParser]] = MappingProxyType(
    {
        "status": _parse_status,
        "task": _whole_value(lambda run: run.fixed.task),
        "tag": _parse_tag,
        "queue": _parse_queue,
        "version": _whole_value(lambda run: run.fixed.version),
        "error": _parse_error,
        "group": _parse_group,
        "id": _parse_id,
        "took": _parse_took,
        "age": _parse_age,
        "env": _whole_value(lambda run: run.fixed.environment),
        "test": _parse_test,
    }
)
"""The parser of each field, in the order in which an error message lists them."""
