"""Splits a filter into words, and each word into a field and values. `filter_terms` has the meaning of each field."""

import re
from collections.abc import Callable
from fnmatch import translate
from typing import Final

from tui.lazy_dataclass import dataclass

TextTest = Callable[[str], bool]
"""Returns whether a case-folded text matches."""

# A word ends at a space outside quotes. A quote that is never closed ends with the text.
_WORD: Final = re.compile(r'(?:"[^"]*"?|[^\s"])+')
_PART: Final = re.compile(r'"([^"]*)"?|([^"]+)')
# A field begins with a letter: `10:30` is a time of day.
_FIELD: Final = re.compile(r"([^\W\d_][\w-]*):")
GLOB: Final = re.compile(r"[*?[]")


@dataclass(frozen=True, slots=True)
class Word:
    """One word of a filter.

    `source` is the word without its `-`. `field` is the case-folded text before the colon, None without a colon. `rest`
    is the text after the colon. `is_open`: the filter ends with this word, so that the next key may change it.
    """

    source: str
    field: str | None
    rest: str
    is_negated: bool
    is_open: bool

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
        name = field[1].casefold() if field else None
        found.append(Word(source, name, rest, match[0].startswith("-"), match.end() == len(text)))
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
    texts = [re.sub(r"\[([*?[])\]", r"\1", value) for value in values]
    return [text for text, value in zip(texts, values, strict=True) if not is_glob(value)]


def is_glob(pattern: str) -> bool:
    """Return whether a pattern has `*`, `?` or `[` that is not quoted."""
    return GLOB.search(re.sub(r"\[[*?[]\]", "", pattern)) is not None


def whole_text_test(patterns: list[str]) -> TextTest:
    """Return a test whether a text equals a value or matches a glob as a whole."""
    plain, glob = _split(patterns)
    texts = frozenset(plain)
    if glob is None:
        return texts.__contains__
    return lambda text: text in texts or glob(text)


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
