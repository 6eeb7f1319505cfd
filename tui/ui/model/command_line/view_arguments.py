"""The arguments of commands that show a view: `runs FILTER`, `errors WORDS`, `queues WORDS`, `run ID`, addresses."""

from collections.abc import Callable
from typing import Final

from tui.domain.ids import RunId
from tui.domain.text import clean
from tui.present import formatting
from tui.present.columns import Now, short_id
from tui.present.command_line.box import BoxRow
from tui.present.status import STATUS_STYLES, style_of
from tui.present.styled import Line, Piece, Token
from tui.store.addresses.addressed_views import ERRORS, RUN, RUNS, VIEWS, AddressError
from tui.store.addresses.view_address import ViewAddress, is_address, parse_address, parse_words
from tui.store.command_line.links import parse_link
from tui.store.command_line.shell_command import shell_command
from tui.store.command_line.tallies import MAX_FOUND_IDS
from tui.store.command_line.typed_word import (
    COUNTED_FIELDS,
    MAX_COMPLETIONS,
    Completion,
    TypedWord,
    completed,
    completions,
    size_of,
    typed_word,
)
from tui.store.filter_words import GLOB
from tui.ui.data.command_line.run_numbers import RunNumbers, ViewNumbers
from tui.ui.data.live_model import LiveModel
from tui.ui.model.command_line.arguments import Choice, Choices, Preview

Apply = Callable[[ViewAddress], object]

_PLURALS: Final = {"status": "statuses", "task": "tasks", "tag": "tags", "version": "versions", "queue": "queues"}
_ALSO: Final = ("task", "status", "tag", "version", "queue", "error", "since", "took")


def parse_line(text: str) -> ViewAddress:
    """Parse an address or the words of a command. Raises `AddressError`."""
    return parse_address(text) if is_address(text) else parse_words(text)


class ViewArguments:
    """The arguments of `runs`, `errors` or `queues`; with `view` empty, a whole address.

    `apply` shows a view. `problem` returns what is wrong with a period, which depends on the time.
    """

    def __init__(
        self, view: str, numbers: RunNumbers, apply: Apply, problem: Callable[[ViewAddress], str | None]
    ) -> None:
        self._view = view
        self._numbers = numbers
        self._apply = apply
        self._problem = problem

    @property
    def shown(self) -> str:
        return "FILTER" if self._view == RUNS else "WORDS"

    @property
    def are_needed(self) -> bool:
        return False

    def choices(self, text: str) -> Choices:
        if not self._view:
            return Choices()
        word = typed_word(text)
        form = VIEWS[self._view]
        tally = self._numbers.values if self._view == RUNS and word.field is not None else None
        counts = {} if tally is None else tally.counts
        is_counted = tally is not None and tally.is_complete
        sorts = list(dict.fromkeys(form.sorts))
        if self._view != RUNS and word.field not in {"since", "sort"}:
            return Choices()
        found = completions(word, counts, is_counted=is_counted, sorts=sorts, periods=form.periods)
        rows = [Choice(completed(word, each), _row(each, word), is_open=each.is_open) for each in found]
        words = ""
        if word.field in COUNTED_FIELDS and tally is not None and tally.is_complete:
            size, has_all = size_of(word.field or "", counts), word.field != "tag" or tally.has_all_tags
            number = formatting.count(len(found), at_least=len(found) >= MAX_COMPLETIONS or not has_all)
            words = f"{number} of {formatting.count(size, at_least=not has_all)} {_PLURALS[word.field or '']}"
        return Choices(rows, words, _first(word, found), also=_also(word) if self._view == RUNS and word.field else ())

    def preview(self, text: str) -> Preview:
        try:
            address = self._parse(text)
        except AddressError as error:
            return Preview((Piece(f"nothing: {error}", Token.AMBER),), is_wrong=True)
        if (problem := self._problem(address)) is not None:
            return Preview((Piece(f"nothing: {problem}", Token.AMBER),), is_wrong=True)
        if address.view == RUNS:
            numbers = self._numbers.of_view(address)
            most = numbers.total if numbers.is_lower_bound else numbers.matched
            found = most if numbers.is_counted else None
            return Preview(_numbers_line(numbers), shell_command(address, self._numbers.names, found))
        said = f"the run {address.run}" if address.run is not None else _other_words(address)
        return Preview((Piece(said, Token.MUTED),), shell_command(address, self._numbers.names))

    def take(self, text: str) -> None:
        self._apply(self._parse(text))

    def _parse(self, text: str) -> ViewAddress:
        return parse_line(f"{self._view} {text}" if self._view else text)


def _also(word: TypedWord) -> Line:
    """Return the other fields."""
    return (
        Piece(" ".join(f"{name}:" for name in _ALSO if name != word.field), Token.TEXT),
        Piece("  "),
        Piece("-tag:", Token.TEXT),
        Piece(" not", Token.FAINT),
    )


def _first(word: TypedWord, found: list[Completion]) -> int | None:
    """Return the completion that Enter takes by itself: one that the typed part begins, unless it is whole already."""
    part = word.part.casefold()
    is_whole = not part or GLOB.search(part) or any(each.value.casefold() == part for each in found)
    if is_whole or word.field is None or word.field.removeprefix("server-") not in {*COUNTED_FIELDS, "sort"}:
        return None
    return 0 if found and found[0].value.casefold().startswith(part) else None


def _row(completion: Completion, word: TypedWord) -> BoxRow:
    style = STATUS_STYLES.get(completion.status)
    count: Line = ()
    if completion.count is not None:
        count = (Piece(formatting.count(completion.count), Token.MUTED),)
    elif word.field in COUNTED_FIELDS:
        count = (Piece(formatting.NONE, Token.FAINT),)
    sentence: Line = (Piece(completion.sentence, Token.MUTED),) if completion.sentence else ()
    mark = style.mark if style is not None else Piece(" ") if word.field == "status" else None
    return BoxRow(completion.value, sentence, count, mark)


def _numbers_line(numbers: ViewNumbers) -> Line:
    if not numbers.is_counted:
        return (Piece("counting the loaded runs…", Token.FAINT),)
    is_none_known = numbers.is_lower_bound and not numbers.matched
    number = "none known" if is_none_known else formatting.count(numbers.matched, at_least=numbers.is_lower_bound)
    total = formatting.count(numbers.total)
    if numbers.is_all_loaded:
        rest = f" of {total} runs{', asked of the server' if numbers.asks_server else ''}"
    elif numbers.asks_server:
        rest = f" of {total} loaded runs, the others are asked of the server"
    else:
        rest = f" of {total} loaded runs; the server may have more"
    return (Piece(number, Token.BRIGHT), Piece(rest, Token.MUTED))


def _other_words(address: ViewAddress) -> str:
    is_errors = address.view == ERRORS
    words = f"the error groups of the last {address.since or '24h'}" if is_errors else "the queues"
    if address.filter:
        words += f" that contain {address.filter}"
    return f"{words}, sorted by {address.sort}" if address.sort else words


class RunArguments:
    """The argument of `run`: an id, or a part of the id of a loaded run."""

    def __init__(self, live: LiveModel, numbers: RunNumbers, apply: Apply) -> None:
        self._live = live
        self._numbers = numbers
        self._apply = apply

    @property
    def shown(self) -> str:
        return "ID"

    @property
    def are_needed(self) -> bool:
        return True

    def choices(self, text: str) -> Choices:
        part = text.strip()
        if " " in part or ":" in part:
            return Choices()
        search = self._numbers.ids(part)
        choices = [self._choice(run_id) for run_id in search.found if clean(run_id) == run_id]
        count = len(choices) if search.is_complete else 0
        found = formatting.count(count, at_least=count >= MAX_FOUND_IDS)
        words = f"{found} of {formatting.count(self._numbers.loaded_count)} loaded runs" if part and count else ""
        return Choices(choices, words, 0 if part and choices else None)

    def preview(self, text: str) -> Preview:
        text = text.strip()
        if parse_link(text.partition(" ")[0]) is None:
            search = self._numbers.ids(text)
            if not search.is_complete:
                return Preview((Piece("searching the loaded runs…", Token.FAINT),), is_wrong=True)
            if search.found:
                return Preview((Piece(f"{len(search.found)} runs: choose one", Token.MUTED),), is_wrong=True)
            said = f"nothing: no loaded run has {text} in its id"
            return Preview((Piece(said, Token.AMBER),), is_wrong=True)
        try:
            address = parse_words(f"{RUN} {text}")
        except AddressError as error:
            return Preview((Piece(f"nothing: {error}", Token.AMBER),), is_wrong=True)
        return Preview(self._run_line(address.run), shell_command(address, self._numbers.names))

    def take(self, text: str) -> None:
        self._apply(parse_words(f"{RUN} {text.strip()}"))

    def _choice(self, run_id: RunId) -> Choice:
        run = self._live.get(run_id)
        assert run is not None or run_id
        if run is None or run.state is None:
            return Choice(run_id, BoxRow(run_id))
        now: Now = self._live.now
        age = formatting.age(run.created_at, now.at)
        tags = " ".join(run.state.tags[:2])
        sentence: Line = (
            style_of(run).name,
            Piece(f"  {run.fixed.task or formatting.NONE}", Token.TEXT),
            Piece(f"  {tags}", Token.FAINT),
        )
        name = "".join(piece.text for piece in short_id(run_id, Token.TEXT))
        return Choice(run_id, BoxRow(name, sentence, (Piece(age, Token.FAINT),), style_of(run).mark))

    def _run_line(self, run_id: RunId | None) -> Line:
        run = None if run_id is None else self._live.get(run_id)
        if run is None or run.state is None:
            return (Piece(f"the run {run_id}, asked of the server", Token.MUTED),)
        return (style_of(run).mark, Piece(" "), style_of(run).name, Piece(f"  {run.fixed.task or ''}", Token.TEXT))
