"""The filter that a user types after `/`: `status:failed task:sync-* tag:x -tag:y took:>10s`, and text.

* All words of a filter must match. A comma inside a word means "or", and `-` before a word negates it.
* A word without a field is text. It matches anywhere in task, id, tags, status, version or error.
* `id:` and `error:` match a part of the id or the error, `group:` the start of the fingerprint of an error group. All
  other fields match the whole value.
* Unquoted `*` and `?` are globs. Quotes keep spaces, commas, globs and colons literal. Case does not matter.
* A word that cannot be parsed matches no run, and `Filter.invalid_words` says why.
"""

from collections.abc import Hashable, Iterable
from dataclasses import field, replace
from datetime import datetime, timedelta
from typing import Final

from tui.domain.run import Run
from tui.lazy_dataclass import dataclass
from tui.store.filter_terms import FIELDS, InvalidWord, ParsedWord, Term, TimedTerm, text_term
from tui.store.filter_words import GLOB, Word, split_words

__all__ = ["EVERYTHING", "Filter", "InvalidWord", "Term", "highlighted_texts", "is_field", "parse_filter"]

_TEXT_AFTER_COLON: Final = ("/", "\\", ":")
"""`http://x`, `C:\\x` and `std::x` are text, not fields."""


MAX_WORDS: Final = 64
MAX_VALUES: Final = 256
"""The maximum for all words together, since every run is compared with each of them."""


@dataclass(frozen=True, slots=True)
class Filter:
    """A parsed filter. Two filters are equal if their `text`, `now` and `narrowed_by` are equal.

    * `terms`, and `timed`, the terms that depend on the time: a run matches the filter if it matches all of them.
    * `narrowed_by`: identifies the terms that `with_terms` added.
    * `now`: the time that `age` and `took` are relative to.
    * `invalid_words`: the words that could not be parsed.
    * `age_bounds`: the ages at which a run starts or stops matching.
    * `depends_on_duration`: the filter has `took`, so that a live run may start or stop matching at any time.
    * `depends_on_errors`: whether a run matches may depend on its error.
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
    hint: str = field(default="", compare=False, repr=False)

    @property
    def is_empty(self) -> bool:
        """Whether the filter has no terms, so that every run matches."""
        return not (self.terms or self.timed)

    @property
    def depends_on_time(self) -> bool:
        """Whether a run may start or stop matching without changing itself."""
        return bool(self.timed)

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

    def with_terms(self, terms: Iterable[Term], by: Hashable) -> "Filter":
        """Return the same filter with additional terms. `by` identifies them when filters are compared."""
        return replace(self, terms=(*terms, *self.terms), narrowed_by=by)


EVERYTHING = Filter()


def parse_filter(text: str, *, now: datetime | None = None, is_typing: bool = False) -> Filter:
    """Parse a filter. Never raises.

    `is_typing`: the user is still typing. The last word is then ignored as long as it may be an unfinished one.
    """
    words = split_words(text)
    if len(words) > MAX_WORDS or sum(len(word.texts) for word in words) > MAX_VALUES:
        invalid = InvalidWord(text, f"a filter has at most {MAX_WORDS} words and {MAX_VALUES} values")
        return Filter(text, (_match_nothing,), invalid_words=(invalid,))
    parsed_words = [parsed for word in words if (parsed := _parse_word(word, is_typing=is_typing)) is not None]
    return Filter(
        text,
        tuple(parsed.term for parsed in parsed_words if parsed.term is not None),
        now=now,
        timed=tuple(parsed.timed for parsed in parsed_words if parsed.timed is not None),
        invalid_words=tuple(parsed.invalid for parsed in parsed_words if parsed.invalid is not None),
        age_bounds=tuple(age for parsed in parsed_words for age in parsed.age_bounds),
        depends_on_duration=any(parsed.depends_on_duration for parsed in parsed_words),
        depends_on_errors=any(parsed.depends_on_errors for parsed in parsed_words),
        hint=next((parsed.hint for parsed in parsed_words if parsed.hint), ""),
    )


def highlighted_texts(text: str) -> tuple[str, ...]:
    """Return the words of a filter that match as text, case-folded, so that the list can highlight them."""
    words = [word for word in split_words(text) if not word.is_negated and not is_field(word)]
    return tuple(value for word in words for value in word.texts if not GLOB.search(value))


def is_field(word: Word) -> bool:
    """Return whether a word has a field, known or not, instead of being a text that contains a colon."""
    if word.field is None:
        return False
    return word.field in FIELDS or bool(word.rest and not word.rest.startswith(_TEXT_AFTER_COLON))


def _parse_word(word: Word, *, is_typing: bool) -> ParsedWord | None:
    """Parse a word. None: it has no value yet, such as `status:`, `-` or an open quote."""
    if not is_field(word):
        texts = word.texts
        return _apply_negation(ParsedWord(text_term(texts), depends_on_errors=True), word) if texts else None
    if word.field is None or word.field not in FIELDS:
        return ParsedWord(_match_nothing, invalid=InvalidWord(word.source, _unknown_field(word)))
    if not word.values:
        return None
    parsed = FIELDS[word.field](word)
    invalid = parsed.invalid
    if invalid is not None and invalid.may_be_unfinished and is_typing:
        return None
    if invalid is not None and (word.is_negated or not (parsed.term or parsed.timed)):
        return ParsedWord(_match_nothing, invalid=invalid)
    return _apply_negation(parsed, word)


def _apply_negation(parsed: ParsedWord, word: Word) -> ParsedWord:
    if not word.is_negated:
        return parsed
    term, timed = parsed.term, parsed.timed
    return replace(
        parsed,
        term=None if term is None else lambda run: not term(run),
        timed=None if timed is None else lambda run, now: not timed(run, now),
        hint="",
    )


def _match_nothing(_run: Run) -> bool:
    """Match no run, for a word that could not be parsed.

    Showing runs would be a guess, and a user who marks or cancels runs acts on those that are shown.
    """
    return False


def _unknown_field(word: Word) -> str:
    return f'no field "{word.field}"; the fields are {" ".join(FIELDS)}; use quotes to search for text'
