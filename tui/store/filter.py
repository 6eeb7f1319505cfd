"""The filter language of `/`: `status:failed task:sync-* tag:x -tag:y took:>10s`, and text.

Terms are ANDed, commas inside a term are OR, `-` negates. Text matches anywhere in task, id, tags, status, version or
error; `id:` and `error:` anywhere in theirs, all other fields the whole value. Unquoted `*` and `?` are globs; quotes
keep spaces, commas, globs and colons as they are. Case does not matter. A word that is not understood matches nothing,
and `Filter.complaints` says why. Source: DESIGN §4, §7.
"""

from collections.abc import Hashable, Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final

from tui.domain.run import Run
from tui.store.filter_terms import FIELDS, Complaint, ParsedWord, Term, TimedTerm, text_term
from tui.store.filter_words import GLOB, Word, split_words

__all__ = ["EVERYTHING", "Complaint", "Filter", "Term", "highlighted_texts", "is_field", "parse_filter"]

_NO_FIELD_BEFORE: Final = ("/", "\\", ":")
"""`http://x`, `C:\\x` and `std::x` are text, not fields."""


MAX_WORDS: Final = 64
MAX_VALUES: Final = 256
"""Of all words together. Every run is held against each of them."""


@dataclass(frozen=True, slots=True)
class Filter:
    """A parsed filter. Two filters are equal when text, moment and what narrows them are.

    `complaints` are the words that were not understood. `now` is the moment that `age` and `took` refer to. `moments`
    are the ages at which a run starts or stops to match; `watches_durations`: a live run may do so at any time.
    `reads_errors`: whether a run matches may depend on its error. `hint` says what else the user may mean.
    """

    text: str = ""
    terms: tuple[Term, ...] = field(default=(), compare=False, repr=False)
    narrowed_by: Hashable = None
    now: datetime | None = None
    timed: tuple[TimedTerm, ...] = field(default=(), compare=False, repr=False)
    complaints: tuple[Complaint, ...] = field(default=(), compare=False)
    moments: tuple[timedelta, ...] = field(default=(), compare=False, repr=False)
    watches_durations: bool = field(default=False, compare=False, repr=False)
    reads_errors: bool = field(default=False, compare=False, repr=False)
    hint: str = field(default="", compare=False, repr=False)

    @property
    def is_empty(self) -> bool:
        """Whether every run matches, since nothing was asked (yet)."""
        return not (self.terms or self.timed)

    @property
    def depends_on_time(self) -> bool:
        """Whether a run may start or stop to match without a change of its own."""
        return bool(self.timed)

    def matches(self, run: Run) -> bool:
        """Whether all terms hold of a run."""
        for term in self.terms:
            if not term(run):
                return False
        for timed in self.timed:  # noqa: SIM110  a generator would cost as much as a term
            if not timed(run, self.now):
                return False
        return True

    def at(self, now: datetime) -> "Filter":
        """The same filter at another moment."""
        return replace(self, now=now)

    def with_terms(self, terms: Iterable[Term], by: Hashable) -> "Filter":
        """The same filter with more terms; `by` names their origin."""
        return replace(self, terms=(*terms, *self.terms), narrowed_by=by)


EVERYTHING = Filter()


def parse_filter(text: str, *, now: datetime | None = None, is_typing: bool = False) -> Filter:
    """Understand a filter. Never raises.

    `is_typing`: the last word may be half typed, and is left out as long as the next key may make sense of it.
    """
    words = split_words(text)
    if len(words) > MAX_WORDS or sum(len(word.texts) for word in words) > MAX_VALUES:
        complaint = Complaint(text, f"a filter has at most {MAX_WORDS} words and {MAX_VALUES} values")
        return Filter(text, (_nothing,), complaints=(complaint,))
    readings = [reading for word in words if (reading := _read(word, is_typing=is_typing)) is not None]
    return Filter(
        text,
        tuple(reading.term for reading in readings if reading.term is not None),
        now=now,
        timed=tuple(reading.timed for reading in readings if reading.timed is not None),
        complaints=tuple(reading.complaint for reading in readings if reading.complaint is not None),
        moments=tuple(moment for reading in readings for moment in reading.moments),
        watches_durations=any(reading.watches_durations for reading in readings),
        reads_errors=any(reading.reads_errors for reading in readings),
        hint=next((reading.hint for reading in readings if reading.hint), ""),
    )


def highlighted_texts(text: str) -> tuple[str, ...]:
    """The words of a filter that are looked for as text, in folded case: what a reader wants to see marked."""
    words = [word for word in split_words(text) if not word.is_negated and not is_field(word)]
    return tuple(value for word in words for value in word.texts if not GLOB.search(value))


def is_field(word: Word) -> bool:
    """Whether a word asks for a field, known or not, and is not just a text with a colon in it."""
    if word.field is None:
        return False
    return word.field in FIELDS or bool(word.rest and not word.rest.startswith(_NO_FIELD_BEFORE))


def _read(word: Word, *, is_typing: bool) -> ParsedWord | None:
    """A word as a reading, or None where it asks nothing yet: `status:`, `-`, an open quote."""
    if not is_field(word):
        texts = word.texts
        return _signed(ParsedWord(text_term(texts), reads_errors=True), word) if texts else None
    if word.field is None or word.field not in FIELDS:
        return ParsedWord(_nothing, complaint=Complaint(word.source, _unknown_field(word)))
    if not word.values:
        return None
    reading = FIELDS[word.field](word)
    complaint = reading.complaint
    if complaint is not None and complaint.may_be_unfinished and is_typing:
        return None
    if complaint is not None and (word.is_negated or not (reading.term or reading.timed)):
        return ParsedWord(_nothing, complaint=complaint)
    return _signed(reading, word)


def _signed(reading: ParsedWord, word: Word) -> ParsedWord:
    if not word.is_negated:
        return reading
    term, timed = reading.term, reading.timed
    return replace(
        reading,
        term=None if term is None else lambda run: not term(run),
        timed=None if timed is None else lambda run, now: not timed(run, now),
        hint="",
    )


def _nothing(_run: Run) -> bool:
    """Not understood: showing any run would be a guess, and marks and cancels act on what is shown."""
    return False


def _unknown_field(word: Word) -> str:
    return f'no field "{word.field}"; there are {" ".join(FIELDS)}; in quotes it is text'
