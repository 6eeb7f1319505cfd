"""The fields of the filter language: what each asks of a run.

`FIELDS` has one row for each field. A term is a pure function of a run and a moment: only `age` and `took` look at the
moment.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Final

from tui.domain.run import Run
from tui.store.filter_words import Word, anywhere, whole
from tui.store.status_words import GROUPS, nearest_statuses, read_status_words

Term = Callable[[Run], bool]
TimedTerm = Callable[[Run, datetime | None], bool]
"""A term that depends on the time now; None: the time is not known."""

LONGEST: Final = timedelta(days=36_500)
"""A longer duration is refused: now minus it must still be a date."""

_LENGTH: Final = re.compile(r"(?:\d{1,9}(?:\.\d{1,3})?(?:ms|[smhdw]))+")
_LENGTH_PART: Final = re.compile(r"(\d+(?:\.\d+)?)(ms|[smhdw])")
_HALF_LENGTH: Final = re.compile(r"[<>]?=?[\d.smhdw]*")
_UNITS_S: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0, "w": 604_800.0}
_YES: Final = ("yes", "true", "1")
_NO: Final = ("no", "false", "0")


@dataclass(frozen=True, slots=True)
class Complaint:
    """A word that was not understood, and why, in raw text.

    `may_be_unfinished`: the next key may complete the word.
    """

    word: str
    reason: str
    may_be_unfinished: bool = False


@dataclass(frozen=True, slots=True)
class ParsedWord:
    """What one word asks: a term of either kind, and a complaint where a part of the word was not understood.

    `moments` are the ages at which a run starts or stops to match, `hint` says what the user may have meant instead.
    """

    term: Term | None = None
    timed: TimedTerm | None = None
    complaint: Complaint | None = None
    moments: tuple[timedelta, ...] = ()
    watches_durations: bool = False
    reads_errors: bool = False
    hint: str = ""


Reader = Callable[[Word], ParsedWord]


def text_term(patterns: list[str]) -> Term:
    """A text that stands anywhere in task, id, tags, status, version, error message or error name."""
    test = anywhere(patterns)
    in_error = _error_test(patterns)

    def term(run: Run) -> bool:
        if test((run.fixed.task or "").casefold()) or test(run.id.casefold()) or test(run.title.casefold()):
            return True
        if run.state is not None and any(test(tag.casefold()) for tag in run.state.tags):
            return True
        if run.fixed.version is not None and test(run.fixed.version.casefold()):
            return True
        return in_error(run)

    return term


def _error_test(patterns: list[str]) -> Term:
    test = anywhere(patterns)

    def term(run: Run) -> bool:
        error = run.error[1] if run.error is not None else None
        if error is None:
            return False
        return test(error.message.casefold()) or (error.name is not None and test(error.name.casefold()))

    return term


def _read_error(word: Word) -> ParsedWord:
    return ParsedWord(_error_test(word.values), reads_errors=True)


def _value(value_of: Callable[[Run], str | None]) -> Reader:
    """A field that means one text of a run, the whole of it. A run without it does not match."""

    def read(word: Word) -> ParsedWord:
        test = whole(word.values)
        return ParsedWord(lambda run: (value := value_of(run)) is not None and test(value.casefold()))

    return read


def _read_id(word: Word) -> ParsedWord:
    test = anywhere(word.values)
    return ParsedWord(lambda run: test(run.id.casefold()))


def _read_tag(word: Word) -> ParsedWord:
    test = whole(word.values)
    return ParsedWord(lambda run: run.state is not None and any(test(tag.casefold()) for tag in run.state.tags))


def _read_queue(word: Word) -> ParsedWord:
    """A task's own queue is stored as `task/<task id>` (recordings 037, 038), and found by either name."""
    test = whole(word.values)

    def term(run: Run) -> bool:
        queue = (run.fixed.queue or "").casefold()
        return bool(queue) and (test(queue) or test(queue.removeprefix("task/")))

    return ParsedWord(term)


def _read_test(word: Word) -> ParsedWord:
    wanted: set[bool] = set()
    for value in word.values:
        meant = next((answer for answer, names in ((True, _YES), (False, _NO)) if _begins(names, value)), None)
        if meant is None:
            return ParsedWord(complaint=Complaint(word.source, "test is yes or no"))
        wanted.add(meant)
    return ParsedWord(lambda run: bool(run.fixed.is_test) in wanted)


def _begins(names: tuple[str, ...], value: str) -> bool:
    return any(name.startswith(value) for name in names)


def _read_status(word: Word) -> ParsedWord:
    meant = read_status_words(word.values)
    complaint = None
    if meant.unknown:
        name = meant.unknown[0]
        near = nearest_statuses(name)
        groups = " ".join(each.replace(" ", "-") for each in GROUPS)
        other = f"nearest: {' '.join(near)}" if near else f"a status by its name, or {groups}"
        complaint = Complaint(word.source, f'no status "{name}"; {other}')
    # Nothing but the typed word can tell the user that one word is narrower than it sounds.
    hint = next((f"{group} means all of them" for name, group in _WIDER.items() if name in word.values), "")
    return ParsedWord(meant.holds, complaint=complaint, hint=hint)


_WIDER: Final = {"failed": "failures", "queued": "waiting-to-start", "executing": "running"}


def _read_age(word: Word) -> ParsedWord:
    def length(run: Run, now: datetime | None) -> timedelta | None:
        created_at = run.fixed.created_at
        return None if created_at is None or now is None else max(now - created_at, timedelta())

    return _read_length(word, length, is_age=True)


def _read_took(word: Word) -> ParsedWord:
    def length(run: Run, now: datetime | None) -> timedelta | None:
        if now is None and not run.is_final:
            return None
        lasted = run.took(now or _NEVER)
        return None if lasted is None else max(lasted, timedelta())

    return _read_length(word, length, is_age=False)


_NEVER: Final = datetime.min.replace(tzinfo=UTC)
"""A final run has no use for the time now."""


def _read_length(
    word: Word, length_of: Callable[[Run, datetime | None], timedelta | None], *, is_age: bool
) -> ParsedWord:
    name = "age" if is_age else "took"
    spans: list[_LengthRange] = []
    for value in word.values:
        span = _read_span(value)
        if span is None:
            # A value before a comma is whole: the next key does not change it.
            may_be_unfinished = (
                word.is_open and value == word.values[-1] and _HALF_LENGTH.match(value.split("..")[-1]) is not None
            )
            may_be_unfinished = may_be_unfinished and all(_HALF_LENGTH.fullmatch(part) for part in value.split(".."))
            reason = f'"{value}" is no length for {name}: {name}:>10s {name}:<2m {name}:1m..5m'
            return ParsedWord(complaint=Complaint(word.source, reason, may_be_unfinished=may_be_unfinished))
        spans.append(span)

    def term(run: Run, now: datetime | None) -> bool:
        length = length_of(run, now)
        return length is not None and any(span.holds(length) for span in spans)

    moments = tuple(bound for span in spans for bound in (span.least, span.most) if bound is not None)
    return ParsedWord(timed=term, moments=moments if is_age else (), watches_durations=not is_age)


@dataclass(frozen=True, slots=True)
class _LengthRange:
    """A range of lengths; None: open on that side. `is_strict` leaves the bound itself out."""

    least: timedelta | None = None
    most: timedelta | None = None
    is_strict: bool = False

    def holds(self, length: timedelta) -> bool:
        if self.is_strict and length in {self.least, self.most}:
            return False
        return (self.least is None or length >= self.least) and (self.most is None or length <= self.most)


def _read_span(text: str) -> _LengthRange | None:
    """`>10s` `>=10s` `<2m` `1m..5m` `1m..` `..5m`; None for anything else, and for a range that holds nothing."""
    if ".." in text:
        first, _, last = text.partition("..")
        least, most = _read_bound(first), _read_bound(last)
        is_whole = bool(first or last) and (least is None) is not bool(first) and (most is None) is not bool(last)
        is_empty = least is not None and most is not None and least > most
        return _LengthRange(least, most) if is_whole and not is_empty else None
    sign = text[:2] if text[:2] in {">=", "<="} else text[:1]
    bound = _read_bound(text[len(sign) :])
    if bound is None or sign not in {">", ">=", "<", "<="}:
        return None
    is_strict = len(sign) == 1
    return (
        _LengthRange(least=bound, is_strict=is_strict)
        if sign[0] == ">"
        else _LengthRange(most=bound, is_strict=is_strict)
    )


def _read_bound(text: str) -> timedelta | None:
    """`90s` `1.5h` `1m30s` as a duration; None for what is none, or is too long."""
    if _LENGTH.fullmatch(text) is None:
        return None
    seconds = sum(float(number) * _UNITS_S[unit] for number, unit in _LENGTH_PART.findall(text))
    return timedelta(seconds=seconds) if seconds <= LONGEST.total_seconds() else None


FIELDS: Final[Mapping[str, Reader]] = MappingProxyType(
    {
        "status": _read_status,
        "task": _value(lambda run: run.fixed.task),
        "tag": _read_tag,
        "queue": _read_queue,
        "version": _value(lambda run: run.fixed.version),
        "error": _read_error,
        "id": _read_id,
        "took": _read_took,
        "age": _read_age,
        "env": _value(lambda run: run.fixed.environment),
        "test": _read_test,
    }
)
"""Every field, in the order in which they are named to the user."""
