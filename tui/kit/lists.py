"""`ListView`: the declaration from which a list gets its screen, its command, its address; and `LiveList`, its rows.

Nothing here needs Textual, since commands and the relay read declarations, too.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar, Final, Generic, TypeVar

from tui.api.errors import ApiError, NotFound, Refused
from tui.domain.run import Environment, Json
from tui.domain.text import Raw
from tui.kit.rows import ListModel, ListOrder, RowQuery, RowRules
from tui.kit.selection import Selected
from tui.lazy_dataclass import dataclass
from tui.store.changes import Changes
from tui.store.filter import split_words, substring_test
from tui.sync.reads import Priority
from tui.text import formatting
from tui.text.blocks import ListRuns, Now, ReadStage, Row, Said, said_rows, tries_again
from tui.text.json import as_json
from tui.text.styled import Line, Piece, Token, cut, joined, wrap
from tui.text.table import Table

if TYPE_CHECKING:
    from tui.api.lists import GetRequest, ListRead, RowRead
    from tui.kit.live_model import LiveModel

R = TypeVar("R")

EVERY_S: Final = 30.0
"""How often the rows of a list are read again while it is shown."""

LATE_AFTER: Final = timedelta(seconds=90)
"""The age from which on rows are late."""

_MAX_WIDTH: Final = 96
WIDE: Final = 96
"""A rule of at least this width says why rows are no longer read."""

_DOT: Final = Piece(" · ", Token.MUTED)
ORDER_HELD: Final = "sorting paused"
"""Stands in place of the order while rows that have changed keep their places around the cursor."""
_NO_SUCH_LIST: Final = "the server has no such list"
_INDENT: Final = "  "


@dataclass(frozen=True, slots=True)
class Clip:
    """One text to copy: its letter in the menu, its name, and the text, which is None if it cannot be copied.

    `note` says why. `group` is the heading above the first of its group. `is_shown`: the menu shows the text itself
    instead of its size.
    """

    key: str
    name: str
    text: str | None
    note: str = ""
    group: str = ""
    is_shown: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ListView(RowRules[R]):
    """A list. What is not declared here does not exist.

    * `name`: of the view, its pane, its command and its address; `noun`: one row; `plural`: rows, if not `name`
    * `sentence`: what the list shows, in a few words, for the help of the command, the command line and the keys
    * `title`: returns the name of a row, for the rule of its page
    * `fields`: the texts in which the typed filter looks, by the names that a word can have: `status:waiting`
    * `read`, `detail`: how the rows are read, and more about the one under the cursor
    * `facts`: the page of a row in sentences, given its detail as far as it is known
    * `opens`: the runs that Enter lists, given its detail as far as it is known; None for none
    * `copies`: the texts of a row that can be copied; `y` copies the first
    * `none_in`: the sentences in place of an empty list, by the types of environments; others have a usual one
    * `json`: returns a row for `--json`; without it, its fields are printed
    * `live`: makes its rows where they are not read by `read` alone
    """

    name: str
    noun: str
    sentence: str
    table: Table[Any]
    title: Callable[[R], str]
    orders: tuple[ListOrder[R], ...]
    fields: Mapping[str, Callable[[R], str]]
    facts: Callable[[R, Any, Now], Sequence[Said]] = lambda *_: ()
    read: "ListRead[R] | None" = None
    detail: "RowRead[Any] | None" = None
    every_s: float = EVERY_S
    late_after: timedelta = LATE_AFTER
    opens: Callable[[R, Any], ListRuns | None] = lambda *_: None
    copies: Callable[[R], Sequence[Clip]] = lambda _: ()
    none_in: Mapping[str, str] = field(default_factory=dict)
    json: Callable[[R], dict[str, Json]] | None = None
    plural: str = ""
    live: "Callable[[LiveModel, ListView[Any]], LiveList[Any]] | None" = None

    @property
    def rows_name(self) -> str:
        """The rows in a sentence."""
        return self.plural or self.name

    @property
    def search_hint(self) -> str:
        """The hint in the empty prompt of the filter."""
        names = " ".join(f"{name}:" for name in self.fields)
        return f"any text, or {names}"

    def order_named(self, name: str) -> ListOrder[R]:
        """Return the order of an id, the usual one for an unknown one."""
        return next((each for each in self.orders if each.id == name), self.orders[0])

    def filter(self, text: str) -> Callable[[R], bool]:
        """Return the test of a typed text. Every word must occur in some field; `status:waiting` must occur in
        `status`.

        A `-` before a word negates it.
        """
        words = [
            (each.field if each.field in self.fields else "", substring_test(patterns), each.is_negated)
            for each in split_words(text)
            if (patterns := each.values if each.field in self.fields else each.texts)
        ]

        def matches(row: R) -> bool:
            texts = {name: of(row).casefold() for name, of in self.fields.items()}
            texts[""] = "\n".join(texts.values())
            return all(test(texts[name or ""]) is not is_negated for name, test, is_negated in words)

        return matches if words else lambda _: True

    def json_of(self, row: R) -> dict[str, Json]:
        """Return a row with every key of `--json`, None where its value is not known."""
        return as_json(row) if self.json is None else self.json(row)

    def none_words(self, environment: Environment | None) -> str:
        """Return the sentence in place of an empty list."""
        own = "" if environment is None else self.none_in.get(environment.type, "")
        return own or f"This environment has no {self.rows_name}."


# The rows of a list, kept up to date while its view is shown, and the texts around them.


@dataclass(frozen=True, slots=True)
class ReadState:
    """How far the rows were read.

    * `read_at`: when the server sent them last; None before the first answer
    * `refusal`: why they are not asked for again; `failure`: why the last read failed
    * `is_cut`: the server has more rows than were read
    """

    read_at: datetime | None = None
    refusal: str = ""
    failure: str = ""
    is_cut: bool = False


class LiveList(Generic[R]):
    """The rows of a `ListView`. `on_update` is called after a change; `open` begins to read, `rest` stops it.

    `needs_facts`: the facts of the wall are read and judged from `open` to `close`.
    """

    needs_facts: ClassVar[bool] = False

    def __init__(self, live: "LiveModel", view: ListView[R]) -> None:
        self.live = live
        self.view = view
        self.list = ListModel(view, RowQuery(view.orders[0]))
        self.rows: Sequence[R] = ()
        """The rows as they were read last."""
        self.state = ReadState()
        self.is_open = False
        self.on_update: Callable[[], None] = lambda: None
        self._task: asyncio.Task[None] | None = None
        self._unwatch: Callable[[], None] | None = None
        detail = view.detail
        self.selected: Selected[R, Any] | None = None
        if detail is not None:

            async def read(row: R, _: Any) -> Any:
                assert detail is not None
                return await live.session.fetcher.read_row(detail, view.key(row), Priority.SELECTED)

            # A row that was read with other values has another detail.
            self.selected = Selected(
                live.session, read, self._on_detail, key=view.key, version=lambda row: row, name=f"read a {view.noun}"
            )

    @property
    def query(self) -> RowQuery[R]:
        """The order and the typed filter that were asked for."""
        return self.list.query

    @property
    def request(self) -> "GetRequest | None":
        """The request for the first page of the list."""
        return None if self.view.read is None else self.view.read.request("")

    def drawn(self, row: R) -> Any:
        """Return the source of the cells of a row."""
        return row

    @property
    def pending(self) -> str:
        """The work that is left before the wanted rows are shown, in words; empty if none is."""
        return ""

    def begin_drawing(self) -> Mapping[str, str]:
        """Prepare for drawing the rows. Returns the titles of the columns whose titles have changed, by their ids."""
        return {}

    def open(self) -> None:
        """Read the rows from now on."""
        self.is_open = True
        self.begin()
        self.follow_row()

    def begin(self) -> None:
        """Begin to read."""
        if self.needs_facts and self._unwatch is None:
            self._unwatch = self.live.session.findings.watch()
        if self._task is None and self.view.read is not None and self.live.session.is_started:
            self._task = self.live.session.spawn(self._follow(), f"read the list of {self.view.name}")

    def rest(self) -> None:
        """Read nothing until it is opened again. The rows stay."""
        self.is_open = False
        if self.selected is not None:
            self.selected.stop()
        if self._task is not None:
            self._task.cancel()
            self._task = None

    def close(self) -> None:
        """Read nothing more. The rows stay, for the way back."""
        self.rest()
        if self._unwatch is not None:
            self._unwatch()
            self._unwatch = None

    def refresh(self) -> None:
        """Read everything again, also where that was refused."""
        self.rest()
        self.state = ReadState(self.state.read_at)
        self.open()
        if self.selected is not None:
            self.selected.refresh()

    def on_changes(self, changes: Changes) -> None:
        """Follow changes of runs or of the session."""

    def follow_row(self) -> None:
        """Follow the row under the cursor."""
        if self.selected is not None and self.is_open:
            self.selected.follow(self.list.current)

    def tick(self) -> None:
        """Follow the time. Called every second while the view is shown."""
        if self.is_open:
            self.begin()  # the view may have been opened before the session had started
            self.follow_row()

    def show_query(self, query: RowQuery[R]) -> None:
        """Show the rows that pass another filter, or in another order."""
        self.list.show_query(query)
        self.follow_row()
        self.on_update()

    def toggle_fold(self) -> None:
        """Show the folded rows, or fold them again."""
        self.list.toggle_fold()
        self.follow_row()

    def show_rows(self, rows: Sequence[R]) -> None:
        """Show the rows that were read."""
        self.list.show_all(rows)

    async def _follow(self) -> None:
        """Read the rows now and every `every_s`, until that is refused."""
        session, read = self.live.session, self.view.read
        assert read is not None
        while True:
            try:
                rows, is_cut, _ = await session.fetcher.read_list(read, session.store.environment)
            except ApiError as error:
                is_refused = isinstance(error, Refused) and (error.is_about_the_key or isinstance(error, NotFound))
                reason = _NO_SUCH_LIST if isinstance(error, NotFound) else sentence_part(str(error))
                self.state = ReadState(self.state.read_at, reason if is_refused else "", "" if is_refused else reason)
                if is_refused:
                    self.on_update()
                    return
            else:
                self.state = ReadState(session.now(), is_cut=is_cut)
                if self.live.pause is None:
                    self.rows = rows
                    self.show_rows(rows)
                    self.follow_row()
            self.on_update()
            await session.clock.sleep(self.view.every_s)

    def _on_detail(self) -> None:
        self.on_update()

    # The texts around the rows. A list with more to say has a class of its own.

    def left(self) -> Line:
        """Return the typed filter and the order, for the rule."""
        order, text = self.query
        filtered = (_DOT, Piece(f"/{text}", Token.TEXT)) if text else ()
        return (*filtered, _DOT, Piece(order.words if self.list.is_in_order else ORDER_HELD, Token.MUTED))

    def right(self, width: int) -> Line:
        """Return how many rows there are and when they were read, for the rule.

        Why they are no longer read comes first, because a narrow rule omits the end.
        """
        state = self.state
        if state.read_at is None:
            return ()
        reason = state.refusal or state.failure
        parts: list[Line] = [(Piece(reason, Token.AMBER),)] if reason and width >= WIDE else []
        parts += self.counts(width)
        if marks := self.list.marks.words:
            parts.append((Piece(marks, Token.ACCENT),))
        if state.is_cut and width >= WIDE:
            parts.append((Piece(f"more {self.view.rows_name} exist", Token.AMBER),))
        parts.append(self._age(state.read_at))
        return tuple(piece for index, part in enumerate(parts) for piece in ((_DOT, *part) if index else part))

    def counts(self, _width: int) -> list[Line]:
        """Return how many rows there are, as `12 schedules` or `3 of 12 schedules`, or what they add up to."""
        known = formatting.plural(self.list.known_count, self.view.noun)
        words = f"{formatting.count(self.list.shown_count)} of {known}" if self.query.text else known
        return [(Piece(words, Token.TEXT),)]

    def _age(self, read_at: datetime) -> Line:
        now = self.live.now
        is_late = now.at - read_at > self.view.late_after
        return (Piece(f"{self.read_words} {now.ago(read_at)}", Token.AMBER if is_late else Token.MUTED),)

    @property
    def read_words(self) -> str:
        """What was read last."""
        return "read"

    def empty_lines(self, width: int) -> tuple[Line, ...]:
        """Return the sentences in place of an empty list."""
        return tuple((Piece(text, Token.MUTED),) for text in wrap(self._empty_sentence(), min(width, _MAX_WIDTH)))

    def _empty_sentence(self) -> str:
        view, state, session = self.view, self.state, self.live.session
        if state.refusal == _NO_SUCH_LIST:
            return f"This server has no list of {view.rows_name} (404).{tries_again()}"
        if state.refusal:
            if session.settings.key.is_public:
                token = f"A public token may not read the list of {view.rows_name}"
                return f"{token}: the server answers 401. A secret key may."
            return f"This key may not read the {view.rows_name}: {_ended(state.refusal)}"
        if self.query.text and self.list.known_count:
            return f"No {view.noun} contains these words. Esc clears the filter."
        if state.read_at is not None:
            return view.none_words(session.store.environment)
        if state.failure:
            return f"The {view.rows_name} could not be read: {_ended(state.failure)}{tries_again()}"
        return formatting.LOADING

    def more_line(self) -> Line:
        """Return the line that stands for folded rows."""
        return ()

    def page(self, limit: int) -> Sequence[Row]:
        """Return the page of the row under the cursor, in rows of at most `limit` cells."""
        row = self.list.current
        if row is None:
            is_loading = self.state.read_at is None and not self.state.refusal and not self.state.failure
            text = formatting.LOADING if is_loading else f"No {self.view.noun} is selected."
            return [Row(()), Row((Piece(text, Token.MUTED),), "none")]
        return [Row(()), *(each for said in self._said(row) for each in said_rows(said, limit))]

    def _said(self, row: R) -> Sequence[Said]:
        said = list(self.view.facts(row, self._detail_of(row), self.live.now))
        if self.selected is not None and (reason := self.selected.failure_of(self.view.key(row))):
            said.append(Said("more", (Piece("not read", Token.MUTED),), (Piece(sentence_part(reason), Token.FAINT),)))
        return said

    def _detail_of(self, row: R) -> Any:
        return None if self.selected is None else self.selected.of(self.view.key(row))

    def runs_of(self, row: R) -> ListRuns | None:
        """Return the runs that Enter lists; None for none."""
        return self.view.opens(row, self._detail_of(row))

    def no_runs_words(self, row: R) -> str:
        """Return why Enter lists no runs."""
        if self.selected is not None and self._detail_of(row) is None:
            return f"the runs of this {self.view.noun} are not known yet"
        return f"the server reports no run for this {self.view.noun}"

    @property
    def stage(self) -> ReadStage:
        """How far the read of more about the row under the cursor has got."""
        return ReadStage.DONE if self.selected is None else self.selected.stage

    def page_left(self) -> Line:
        """Return the name of the row, for the rule of its page."""
        row = self.list.current
        return () if row is None else (_DOT, Piece(Raw(self.view.title(row)), Token.TEXT))

    def page_right(self, _width: int) -> Line:
        """Return the text at the right end of the rule of the page."""
        return ()

    def summary(self, width: int) -> tuple[Line, ...]:
        """Return two lines about the row under the cursor, where its page is not visible."""
        row, limit = self.list.current, width - 1
        if row is None:
            text = f"{_INDENT}No {self.view.noun} is selected."
            return (cut((Piece(text, Token.MUTED),), width), ())
        name: Line = (
            self.view.table.glyph(row),
            Piece(" "),
            Piece(Raw(self.view.title(row)), Token.BRIGHT, is_bold=True),
        )
        said = [(Piece(f"{each.label} ", Token.FAINT), *each.answer) for each in self._said(row) if each.answer]
        head = (Piece(_INDENT), *joined([name, *said[:2]]))
        return cut(head, limit), cut((Piece(2 * _INDENT), *joined(said[2:])), limit)


def _ended(reason: str) -> str:
    """Return a reason as the end of a sentence."""
    return Raw(reason if reason.endswith(("?", "!")) else f"{reason}.")


def sentence_part(reason: str) -> str:
    """Return a reason as a part of a sentence, without a stop at its end."""
    return Raw(reason.strip().rstrip("."))
