"""The filter language of `/`: `status:failed task:sync-* tag:x -tag:y`, and text.

What lives here: reading it, and the question whether a run matches. Terms are ANDed, commas inside a term are OR,
`-` negates. Text matches anywhere in task, id, tags, status, version or error message, `id:` anywhere in the id, all
other keys the whole value. Unquoted `*` and `?` are globs; quotes keep spaces, commas, globs and colons as they are.
Case does not matter. Values are raw: nothing here is ever shown. Source: DESIGN §4, §7.
"""

import re
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass, field
from fnmatch import translate

from tui.domain.run import Run
from tui.domain.status import EXECUTING_FAMILY, FAILED, FINAL, LIVE, QUEUED_FAMILY, STATUS_TABLE, RunStatus

Test = Callable[[str], bool]
"""Asked with a case-folded text."""
Term = Callable[[Run], bool]
Reader = Callable[[list[str]], Term | None]
"""Makes a term of its alternatives, glob patterns in folded case; None: they mean nothing after this key."""

# A word ends at a space outside quotes; a quote that is still open ends with the text.
_WORD = re.compile(r'(?:"[^"]*"?|[^\s"])+')
_PART = re.compile(r'"([^"]*)"?|([^"]+)')
_KEY = re.compile(r"(\w+):")
_GLOB = re.compile(r"[*?[]")


@dataclass(frozen=True, slots=True)
class Filter:
    """A filter as it was typed, ready to be asked. Two are equal when their texts and what narrows them are."""

    text: str = ""
    _terms: tuple[Term, ...] = field(default=(), compare=False, repr=False)
    narrowed_by: Hashable = None

    @property
    def is_empty(self) -> bool:
        """Whether every run matches, since nothing was asked (yet)."""
        return not self._terms

    def matches(self, run: Run) -> bool:
        """Whether all terms hold of a run."""
        for term in self._terms:  # noqa: SIM110  a generator would cost as much as a term
            if not term(run):
                return False
        return True

    def narrowed(self, terms: Iterable[Term], by: Hashable) -> "Filter":
        """The same filter for which these terms have to hold too; `by` is what they come from."""
        return Filter(self.text, (*terms, *self._terms), by)


EVERYTHING = Filter()


def parse_filter(text: str) -> Filter:
    """Understand a filter, also one that is half typed. Never raises: what has no meaning here is text to look for."""
    terms = (_read_word(word) for word in _WORD.findall(text))
    return Filter(text, tuple(term for term in terms if term is not None))


def texts_of(text: str) -> tuple[str, ...]:
    """The words of a filter that are looked for as text, in folded case: what a reader wants to see marked."""
    found: list[str] = []
    for word in _WORD.findall(text):
        key = _KEY.match(word)
        if word.startswith("-") or (key and key[1].casefold() in _READERS):
            continue
        found += [value for value in _alternatives(word) if not _GLOB.search(value)]
    return tuple(found)


def _read_word(word: str) -> Term | None:
    """A word as a term, or None where there is nothing to ask yet: `status:`, `-`, an open quote."""
    negated = word.startswith("-")
    source = word.removeprefix("-")
    term: Term | None = None
    key = _KEY.match(source)
    read = _READERS.get(key[1].casefold()) if key else None
    if key and read:
        values = _alternatives(source[key.end() :])
        if not values:
            return None
        term = read(values)
    if term is None:
        values = _alternatives(source)
        if not values:
            return None
        term = _text(values)
    return _negate(term) if negated else term


def _negate(term: Term) -> Term:
    return lambda run: not term(run)


def _alternatives(source: str) -> list[str]:
    """The values between unquoted commas, as glob patterns in folded case; empty ones are left out."""
    patterns = [""]
    for quoted, bare in _PART.findall(source):
        if bare:
            first, *others = bare.replace("[", "[[]").split(",")
            patterns[-1] += first
            patterns += others
        else:
            patterns[-1] += _GLOB.sub(r"[\g<0>]", quoted)
    return [pattern.casefold() for pattern in patterns if pattern]


def _split(patterns: list[str]) -> tuple[list[str], Test | None]:
    """Those that are plain text, and one test for all that are globs, if any are."""
    globs = [pattern for pattern in patterns if _GLOB.search(pattern)]
    plain = [pattern for pattern in patterns if not _GLOB.search(pattern)]
    if not globs:
        return plain, None
    match = re.compile("|".join(translate(glob) for glob in globs)).match
    return plain, lambda text: match(text) is not None


def _whole(patterns: list[str]) -> Test:
    plain, glob = _split(patterns)
    texts = frozenset(plain)
    if glob is None:
        return texts.__contains__
    return lambda text: text in texts or glob(text)


def _anywhere(patterns: list[str]) -> Test:
    plain, glob = _split([f"*{pattern}*" if _GLOB.search(pattern) else pattern for pattern in patterns])
    if glob is None and len(plain) == 1:
        return lambda text: plain[0] in text
    return lambda text: any(part in text for part in plain) or (glob is not None and glob(text))


def _text(patterns: list[str]) -> Term:
    test = _anywhere(patterns)

    def term(run: Run) -> bool:
        if test((run.fixed.task or "").casefold()) or test(run.id.casefold()) or test(run.title.casefold()):
            return True
        if run.state is not None and any(test(tag.casefold()) for tag in run.state.tags):
            return True
        if run.fixed.version is not None and test(run.fixed.version.casefold()):
            return True
        return run.error is not None and run.error[1] is not None and test(run.error[1].message.casefold())

    return term


def _value(value_of: Callable[[Run], str | None]) -> Reader:
    """A key that means one text of a run, the whole of it. A run without it does not match."""

    def read(patterns: list[str]) -> Term:
        test = _whole(patterns)
        return lambda run: (value := value_of(run)) is not None and test(value.casefold())

    return read


def _id(patterns: list[str]) -> Term:
    test = _anywhere(patterns)
    return lambda run: test(run.id.casefold())


def _tag(patterns: list[str]) -> Term:
    test = _whole(patterns)
    return lambda run: run.state is not None and any(test(tag.casefold()) for tag in run.state.tags)


def _queue(patterns: list[str]) -> Term:
    """A task's own queue is stored as `task/<task id>` (recordings 037, 038), and found by either name."""
    test = _whole(patterns)

    def term(run: Run) -> bool:
        queue = (run.fixed.queue or "").casefold()
        return bool(queue) and (test(queue) or test(queue.removeprefix("task/")))

    return term


def _test(patterns: list[str]) -> Term | None:
    wanted = {_yes_or_no(pattern) for pattern in patterns}
    return None if None in wanted else lambda run: bool(run.fixed.is_test) in wanted


def _yes_or_no(text: str) -> bool | None:
    if any(word.startswith(text) for word in ("yes", "true", "1")):
        return True
    return False if any(word.startswith(text) for word in ("no", "false", "0")) else None


def _fold(name: str) -> str:
    return name.casefold().replace("-", " ").replace("_", " ")


# Names that mean several statuses go before the title or word that they are as well.
_FAMILIES = {
    "failed": FAILED,
    "live": LIVE,
    "final": FINAL,
    "queued": QUEUED_FAMILY,
    "executing": EXECUTING_FAMILY,
    "waiting": frozenset({RunStatus.WAITING_TO_RESUME}),
}
_TITLES = frozenset(row.title for row in STATUS_TABLE)
_TITLES_OF: dict[str, set[str]] = {}
for _row in STATUS_TABLE:
    for _name in (_row.title, _row.canonical, _row.rest, _row.legacy, *_row.database, *_row.trql):
        _TITLES_OF.setdefault(_fold(_name), set()).add(_row.title)


def _status(patterns: list[str]) -> Term:
    """A family, or any title or word of a status; else all whose name begins so, which is what typing goes through.
    A status that we do not know is found by the server's word.
    """
    names = [_fold(pattern) for pattern in patterns]
    known = _FAMILIES.keys() | _TITLES_OF.keys()
    test = _whole([name if name in known or _GLOB.search(name) else f"{name}*" for name in names])
    meant = {name for name in known if name and test(name)}
    family = frozenset[RunStatus]().union(*(_FAMILIES.get(name, ()) for name in meant))
    titles = {title for name in meant - _FAMILIES.keys() for title in _TITLES_OF[name]}

    def term(run: Run) -> bool:
        if run.status in family:
            return True
        title = run.title
        return title in titles or (title not in _TITLES and test(_fold(title)))

    return term


_READERS: dict[str, Reader] = {
    "status": _status,
    "task": _value(lambda run: run.fixed.task),
    "tag": _tag,
    "version": _value(lambda run: run.fixed.version),
    "id": _id,
    "queue": _queue,
    "env": _value(lambda run: run.fixed.environment),
    "test": _test,
}
