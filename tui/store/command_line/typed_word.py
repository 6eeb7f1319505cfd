"""The word that is being typed at the end of a command line, and what fits it.

Completions replace the value of the word: `task:charge` becomes `task:charge-card`, `-tag:a,b` its last value.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from tui.domain.status import STATUS_TABLE
from tui.domain.text import clean
from tui.lazy_dataclass import dataclass
from tui.store.filter_words import GLOB, as_value, patterns_of, split_words, whole_text_test
from tui.store.status_words import GROUPS, fold

MAX_COMPLETIONS: Final = 200
"""Completions of one word that can be chosen."""

COUNTED_FIELDS: Final = ("status", "task", "tag", "version", "queue")

FIELD_SENTENCES: Final[Mapping[str, str]] = {
    "status": "failed, executing, failures …",
    "task": "the whole name, or sync-*",
    "tag": "runs with a tag; -tag: without it",
    "version": "20261124.1",
    "queue": "the queue of the run",
    "error": "a part of the error",
    "since": "2h, 7d, 02:50-03:20",
    "took": ">10s, <2m, 1m..5m",
    "age": "<5m, >1h",
    "sort": "age, status, task, took, updated, cost",
    "group": "an error group, by its fingerprint",
    "id": "a part of the id",
    "test": "yes or no",
    "env": "the environment of the run",
}
"""What a field of the list takes, in the order in which fields are offered."""

_VALUES: Final[Mapping[str, tuple[str, ...]]] = {
    "since": ("1h", "2h", "24h", "7d", "30d"),
    "took": (">1s", ">10s", ">1m", ">10m"),
    "age": ("<5m", "<1h", "<24h", ">1h"),
    "test": ("yes", "no"),
}


class TypedWord(NamedTuple):
    """The last word of a text.

    `before` is the text up to the part that a completion replaces, `part` that part, without quotes. `field` is that of
    the word, None without one.
    """

    before: str
    part: str
    field: str | None


@dataclass(frozen=True, slots=True)
class Completion:
    """A value that fits. `count` is the number of loaded runs with it, None where it is not known or makes no sense.

    `value` is what is typed for it, `sentence` says what it means; both may be raw text. `status` is the title of the
    status whose glyph stands before it.
    """

    value: str
    sentence: str = ""
    count: int | None = None
    status: str = ""
    is_open: bool = False
    """Whether a value follows at once, as after `task:`."""


def typed_word(text: str) -> TypedWord:
    """Return the word at the end of a text, empty behind a space."""
    words = split_words(text)
    if not words or not words[-1].is_open or (text[-1:].isspace() and text.count('"') % 2 == 0):
        return TypedWord(text, "", None)
    word = words[-1]
    start = len(text) - len(word.source)
    if word.field is None:
        return TypedWord(text[:start], word.source, None)
    value = word.rest
    last = _last_value(value)
    return TypedWord(text[: len(text) - len(last)], last.replace('"', ""), word.field)


def _last_value(values: str) -> str:
    """Return the part behind the last comma that is not in quotes."""
    begin, is_quoted = 0, False
    for index, character in enumerate(values):
        if character == '"':
            is_quoted = not is_quoted
        elif character == "," and not is_quoted:
            begin = index + 1
    return values[begin:]


def completed(word: TypedWord, completion: Completion) -> str:
    """Return the text with a completion in place of the typed part."""
    is_value = word.field not in {None, "took"}
    return f"{word.before}{as_value(completion.value) if is_value else completion.value}"


def fitting(values: Iterable[str], part: str) -> list[str]:
    """Return the values that a typed part fits: equal ones, then those that begin with it, then those that contain it.

    A part with `*` or `?` fits what it matches as a whole.
    """
    folded = part.casefold()
    if GLOB.search(part):
        test = whole_text_test(patterns_of(part))
        return [value for value in values if test(value.casefold())]
    ranked = [(rank, index, value) for index, value in enumerate(values) if (rank := _rank(value, folded)) is not None]
    return [value for _, _, value in sorted(ranked, key=lambda each: each[:2])]


def _rank(value: str, folded: str) -> int | None:
    text = value.casefold()
    if text == folded:
        return 0
    return 1 if text.startswith(folded) else 2 if folded in text else None


STATUS_VALUES: Final[Mapping[str, str]] = {
    **{fold(row.title).replace(" ", "-"): row.title for row in STATUS_TABLE},
    **{name.replace(" ", "-"): "" for name in GROUPS},
}
"""The words of `status:`, with the title of the status; "" for a group of statuses."""

_GROUP_SENTENCES: Final = {
    "live": "Everything that has not ended",
    "final": "Everything that has ended",
    "failures": "Failed, and all other ways to fail",
    "running": "Dequeued, executing and reattempting",
    "waiting-to-start": "Delayed, queued and pending version",
}

Counts = Mapping[str, Mapping[str, int]]
"""The numbers of runs by field and value, the greatest first."""


def completions(
    word: TypedWord, counts: Counts, *, is_counted: bool, sorts: Sequence[str], periods: Sequence[str] = ()
) -> list[Completion]:
    """Return what fits a word of a filter. `is_counted`: the counts are complete. `periods`: all that are possible."""
    if word.field is None:
        return _fields(word.part)
    name = word.field.removeprefix("server-")
    if name == "status":
        return _statuses(word.part, counts.get("status", {}), is_counted=is_counted)
    if name in COUNTED_FIELDS:
        return _counted(word.part, counts.get(name, {}), is_counted=is_counted)
    values = tuple(dict.fromkeys(sorts)) if name == "sort" else _VALUES.get(name, ())
    if name == "since" and periods:
        values = tuple(periods)
    return [Completion(value) for value in fitting(values, word.part)]


def size_of(field: str, counts: Counts) -> int:
    """Return how many values of a field are known."""
    return len(STATUS_VALUES) if field == "status" else len(counts.get(field, {}))


def _fields(part: str) -> list[Completion]:
    if not part:
        return [Completion(f"{name}:", sentence, is_open=True) for name, sentence in FIELD_SENTENCES.items()]
    found = [name for name in FIELD_SENTENCES if name.startswith(part.casefold())]
    return [Completion(f"{name}:", FIELD_SENTENCES[name], is_open=True) for name in found]


def _statuses(part: str, counts: Mapping[str, int], *, is_counted: bool) -> list[Completion]:
    found: list[Completion] = []
    for value in fitting(STATUS_VALUES, part.replace("_", "-").replace(" ", "-")):
        title = STATUS_VALUES[value]
        titles = (title,) if title else _titles_of(value)
        count = sum(counts.get(each, 0) for each in titles) if is_counted else None
        sentence = title or _GROUP_SENTENCES.get(value, "")
        found.append(Completion(value, sentence, count, title or _sample(value)))
    return found


def _titles_of(group: str) -> list[str]:
    members = GROUPS[fold(group)]
    return [row.title for row in STATUS_TABLE if row.canonical in members]


def _sample(group: str) -> str:
    return _titles_of(group)[0] if group == "failures" else ""


def _counted(part: str, counts: Mapping[str, int], *, is_counted: bool) -> list[Completion]:
    # A value with a character that no one can type, such as an escape, could only be drawn as something else.
    found = [value for value in fitting(counts, part)[:MAX_COMPLETIONS] if clean(value) == value]
    return [Completion(value, "", counts[value] if is_counted else None) for value in found]
