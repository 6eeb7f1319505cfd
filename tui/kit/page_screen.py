"""Pages and dialogs that every view opens: the keys, the messages, the link of a run."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import zip_longest
from operator import attrgetter
from pathlib import Path, PurePath
from typing import Any, ClassVar, Final, get_args

from rich.style import Style
from textual.actions import parse
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.dom import DOMNode
from textual.screen import Screen
from textual.strip import Strip
from textual.widget import Widget

from tui.domain.run import RunId
from tui.kit import programs
from tui.kit.app import AppBase, app_of, call_soon
from tui.kit.bars import ViewScreen, live_keys
from tui.kit.header_words import COUNTS, SLOW_LINK, SLOW_LINK_SENTENCE, split_queued
from tui.kit.keys import ACTION_NAMES, LAST_RANK, MARK_ACTIONS, Help, HelpGroup, bind, key_label, places_of
from tui.kit.lines import EDGE, Dialog, Rule
from tui.kit.live_model import LiveModel, Messages, message_lines
from tui.kit.page import Page, PageRow
from tui.kit.painted import Clipboard, LineDialog, PaintedScreen
from tui.kit.words import RuleText
from tui.lazy_dataclass import dataclass
from tui.settings.secret import without_secrets
from tui.store.freshness import Minute
from tui.store.indexes import StatusCounts
from tui.sync.session import Session
from tui.text import formatting
from tui.text.blocks import INDENT, beside, indented, labelled, spark
from tui.text.status import STATUS_STYLES
from tui.text.styled import Line, Piece, Token, line_width, pad, wrap

# The base class of screens that show one page: the keys, the messages, a value.


class PageScreen(ViewScreen):
    """A page that Esc closes. A subclass makes the rows and sets the title."""

    CSS_PATH = Path(__file__).parent / "page_screen.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        bind("escape", "back", "back", "End the search, then close the page.", rank=LAST_RANK),
        bind("q", "close", "back", "Close the page."),
        bind("slash", "search", "search", "Search for a text in this page.", rank=10),
        bind("n", "hit_step(1)", "next match", "Go to the next match of the search.", id="next-match", rank=20),
        bind("N", "hit_step(-1)", "previous match", "Go to the previous match of the search.", id="previous-match"),
        bind("question_mark,f1", "help", "keys", "Show the keys that work here.", rank=30),
    ]
    title_word: ClassVar[str]

    def __init__(self, live: LiveModel) -> None:
        super().__init__(live)
        self.page = Page(self.rows)
        self._rule = Rule()
        self._searched = ""

    def compose(self) -> ComposeResult:
        yield self.header
        yield self._rule
        yield self.page
        yield self.footer
        yield self.prompt

    def rows(self, width: int) -> Sequence[PageRow]:
        """Return the rows of a page of `width` cells."""
        raise NotImplementedError

    def left(self) -> Line:
        """Return the text of the rule after the title."""
        return ()

    def right(self) -> Line:
        """Return the text at the right end of the rule."""
        return ()

    def on_mount(self) -> None:
        self.app_base.settings_changed.subscribe(self, lambda _: self.rebuild())
        self.set_focus(self.page)  # now, because the next key may already open the prompt
        self.show_rule()
        self.begin()

    def begin(self) -> None:
        """Start the page's own work. Called once, when it is mounted."""

    def on_unmount(self) -> None:
        self.app_base.settings_changed.unsubscribe(self)

    def rebuild(self) -> None:
        """Bring page and rule up to date."""
        if self.is_attached:
            self.page.rebuild()
            self.show_rule()

    def show_rule(self) -> None:
        """Bring the rule up to date."""
        title: Line = (Piece(self.title_word, Token.BRIGHT, is_bold=True), *self.left())
        found = self.right()
        if words := self.page.hit_words:
            found = (Piece(words, Token.TEXT if self._has_hits else Token.MUTED),)
        self._rule.show(RuleText((), title, found, is_focused=True))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002  Textual's
        return not self.prompt.is_open and (action != "hit_step" or self._has_hits)

    @property
    def _has_hits(self) -> bool:
        return bool(self.page.hits and self.page.hits[1])

    def on_page_moved(self) -> None:
        self.show_rule()

    async def action_search(self) -> None:
        await self.ask_search(self._searched, self._searched, self._search)

    def action_hit_step(self, step: int) -> None:
        self.page.next_hit(step)

    def action_help(self) -> None:

        open_help(self, self.live, self.title_word)

    def action_back(self) -> None:
        if self._searched:
            self._search("")
        else:
            self.action_close()

    def action_close(self) -> None:
        self.dismiss(None)

    def _search(self, text: str) -> Line:
        self._searched = text
        self.page.search(text)
        self.show_rule()
        self.refresh_bindings()
        return ()


# The page of keys: groups in one or two columns, then what the statuses and the signs of the header mean.
#
# The caller passes the bindings that exist, each with its row.


MIN_WIDTH: Final = 40
MIN_TWO_COLUMNS: Final = 74
"""A page with at least this many cells has two columns of groups."""

_KEY_CELLS: Final = 13
_GAP: Final = 1
_WIDE_GAP: Final = 3
_MIN_WIDE_COLUMN: Final = 50
_HAIRLINE: Final = (Piece(" │ ", Token.LINE),)
_SIGN_CELLS: Final = 10
_REMARKS: Final[Mapping[str, str]] = {"act": "only capital letters change runs"}

_SENTENCES: Final = (
    (SLOW_LINK, f"{SLOW_LINK_SENTENCE} --no-slow turns this off."),
    ("filter", "Any text, or fields: status:failed task:sync-* -tag:x took:>10s payload.x:y. :runs lists all."),
    ("alerts", "A new finding can ring the bell, show a notice or run a command: see [bell] in the config file."),
    ("away", "After ten minutes without a key, the first key only shows what happened."),
)
"""Things on the page of keys that are not keys."""


@dataclass(frozen=True, slots=True)
class HelpKey:
    """One binding, or one row of the page: its keys as they are spelled on screen, its word, and whether it does
    something here and now. `extra_keys` stand after the word, since they do not fit in front of it.
    """

    keys: tuple[str, ...]
    word: str
    works_here: bool = True
    row: Help | None = None
    extra_keys: tuple[str, ...] = ()


def help_lines(bindings: Mapping[str, HelpKey], width: int) -> list[Line]:
    """Return the keys by purpose in lines of at most `width` cells (at least 40), in two columns where they fit.

    `bindings` is by id. Each key is listed once. A key that does nothing here keeps its place, but is faint.
    """
    limit = max(width, MIN_WIDTH)
    is_split = limit >= MIN_TWO_COLUMNS
    column = (limit - line_width(_HAIRLINE)) // 2 if is_split else limit
    blocks = [_group_lines(title, entries, column) for title, entries in _groups(bindings)]
    if not is_split:
        return [line for block in blocks for line in block]
    left, right = _balanced(blocks)
    return [(), *((*pad(a, column), *_HAIRLINE, *b) for a, b in zip_longest(left[1:], right[1:], fillvalue=()))]


def _groups(bindings: Mapping[str, HelpKey]) -> Iterator[tuple[str, list[HelpKey]]]:
    """Yield the title and the rows of each group that has rows."""
    groups: dict[str, list[HelpKey]] = {title: [] for title in (*get_args(HelpGroup), "more")}
    for row in sorted({key.row: None for key in bindings.values() if key.row}, key=attrgetter("order")):
        found = [bindings[each] for each in row.ids if each in bindings]
        groups[row.group].append(_entry(found, row.text or found[0].word))
    used_keys = {key for rows in groups.values() for row in rows if row.works_here for key in row.keys}
    groups["more"] = [_entry([key], key.word) for key in bindings.values() if not key.row and key.works_here]
    for title, rows in groups.items():
        if kept := list(_once(rows, used_keys)):
            yield title, kept


def _entry(bindings: Sequence[HelpKey], text: str) -> HelpKey:
    """Return one row: the first keys of all bindings, then their second keys, while these fit the column."""
    shown: list[str] = []
    extra: list[str] = []
    for keys in zip_longest(*(binding.keys for binding in bindings)):
        more = list(dict.fromkeys(key for key in keys if key is not None and key not in shown))
        fits = len(" ".join((*shown, *more))) <= _KEY_CELLS
        (shown if fits or not shown else extra).extend(more)
    works_here = any(binding.works_here for binding in bindings)
    return HelpKey(tuple(shown), text, works_here, extra_keys=tuple(extra))


def _once(entries: Sequence[HelpKey], used_keys: set[str]) -> Iterator[HelpKey]:
    """Yield the rows that work here, then the others, without keys that an earlier row has."""
    for entry in entries:
        if entry.works_here:
            yield entry
        elif keys := tuple(key for key in entry.keys if key not in used_keys):
            used_keys.update(keys)
            yield HelpKey(keys, entry.word, works_here=False)


def _balanced(blocks: Sequence[list[Line]]) -> tuple[list[Line], list[Line]]:
    """Split the blocks into two columns that differ least in height."""
    heights = [len(block) for block in blocks]
    split = min(range(1, len(blocks) + 1), key=lambda at: max(sum(heights[:at]), sum(heights[at:])), default=0)
    return [line for block in blocks[:split] for line in block], [line for block in blocks[split:] for line in block]


def _group_lines(title: str, entries: Sequence[HelpKey], width: int) -> list[Line]:
    head: Line = (Piece(title, Token.BRIGHT, is_bold=True),)
    remark = _REMARKS.get(title)
    lines: list[Line] = [(), (*head, Piece(f"  {remark}", Token.FAINT)) if remark else head]
    gap = _WIDE_GAP if width >= _MIN_WIDE_COLUMN else _GAP
    for entry in entries:
        token = Token.TEXT if entry.works_here else Token.FAINT
        keys = pad((Piece(" ".join(entry.keys), token, is_bold=entry.works_here),), _KEY_CELLS + gap)
        text = f"{entry.word}; also {' '.join(entry.extra_keys)}" if entry.extra_keys else entry.word
        lines += beside(keys, text, token, width)
    return lines


def header_signs(counts: StatusCounts, *, is_colorless: bool = False) -> tuple[tuple[Piece, str], ...]:
    """Return the letters and the bars of the header as they are drawn there, in its order, each with its meaning."""
    split = f" Now {text}." if (text := split_queued(counts)) else ""
    plain_bar, some_failed, most_failed = spark([Minute(8, 0), Minute(8, 1), Minute(8, 8)], by_shape=is_colorless)
    return (
        *(
            (Piece(letter, token, is_bold=token is Token.ROSE), meaning + (split if letter == "Q" else ""))
            for _, letter, token, meaning in COUNTS
        ),
        (plain_bar, "The runs that were created in a minute. The tallest bar is the busiest minute."),
        (some_failed, "Some of them failed."),
        (most_failed, "Most of them failed."),
    )


def legend_lines(width: int, counts: StatusCounts, *, is_colorless: bool = False) -> list[Line]:
    """Return the meaning of statuses, signs of the header and other marks, in lines of at most `width` cells."""
    limit = max(width, MIN_WIDTH)
    statuses: list[Line] = [(style.mark, Piece(" "), style.name) for style in STATUS_STYLES.values()]
    lines: list[Line] = [(), *labelled("status", statuses, limit), ()]
    for index, (mark, sentence) in enumerate(header_signs(counts, is_colorless=is_colorless)):
        label = Piece(f"{'' if index else 'header':<{_SIGN_CELLS}}", Token.FAINT)
        lines += beside((label, mark, Piece("  ")), sentence, Token.MUTED, limit)
    for name, sentence in _SENTENCES:
        lines += [(), *beside((Piece(f"{name:<{_SIGN_CELLS}}", Token.FAINT),), sentence, Token.MUTED, limit)]
    return lines


# The page of keys: those that work in the pane below it are bright, the other keys of the screen are faint.


_FIRST_KEY: Final = 2
"""The row of the first key: an empty row and the title of the first group stand above it."""


def help_keys(screen: Screen[Any], unmade: Iterable[type[DOMNode]] = (), *, may_write: bool) -> dict[str, HelpKey]:
    """Return every binding of a screen by its id: the live ones, then those of its other widgets, which do not work.

    `unmade` are widgets that the screen makes later.
    The keys of actions and of marks are left out where nothing may be written.
    """
    own = app_of(screen).keys
    live = live_keys(screen)
    kinds = [*(type(node) for node in (screen, *screen.walk_children())), *unmade]
    declared = [binding for kind in kinds for binding in _declared(kind)]
    places = map(places_of, [*(key.binding for key in live), *declared])
    rows = {each: place.help for place in places if place.help for each in place.help.ids}
    found = {
        key.id: HelpKey(
            key.keys, f"{key.word}: {key.denial}" if key.denial else key.word, key.works_now, rows.get(key.id)
        )
        for key in live
    }
    for binding in declared:
        if not may_write and parse(binding.action)[1] in ACTION_NAMES | MARK_ACTIONS:
            continue
        name = binding.id or ""
        if keys := own.get(name, binding.key.split(",")):
            key = HelpKey(tuple(map(key_label, keys)), binding.description, works_here=False, row=rows.get(name))
            found.setdefault(name, key)
    return found


def _declared(kind: type[DOMNode]) -> Iterator[Binding]:
    """Yield the bindings that the class of a widget declares, and those of its bases."""
    for base in kind.__mro__:
        for binding in vars(base).get("BINDINGS", ()):
            if isinstance(binding, Binding) and binding.id is not None:
                yield binding


class HelpScreen(PageScreen):
    """Shows the keys of the screen behind it. `pane` is the title of the pane that had the focus."""

    BINDINGS: ClassVar[list[BindingType]] = [bind("question_mark,f1", "close", "back", "Ends this page.", id="help")]
    title_word: ClassVar[str] = "keys"

    def __init__(self, live: LiveModel, keys: Mapping[str, HelpKey], pane: str) -> None:
        self._help_keys = keys
        self._pane = pane
        super().__init__(live)

    def rows(self, width: int) -> Sequence[PageRow]:
        limit = width - EDGE
        session = self.live.session
        counts = session.store.status_counts(session.now())
        legend = legend_lines(limit, counts, is_colorless=self.app_base.painter.is_colorless)
        return [PageRow(line, number) for number, line in enumerate([*help_lines(self._help_keys, limit), *legend])]

    def begin(self) -> None:
        self.call_after_refresh(self.page.go_to, _FIRST_KEY)

    def left(self) -> Line:
        return (Piece(f" · {self._pane}", Token.MUTED),)

    def right(self) -> Line:
        is_scrolled = len(self.page.rows) > self.page.size.height
        return (Piece("bright keys work here · ↓ shows more" if is_scrolled else "bright keys work here", Token.MUTED),)


def open_help(screen: Screen[Any], live: LiveModel, title: str, unmade: Iterable[type[Widget]] = ()) -> None:
    """Show the keys of this screen, and of widgets that it has not made yet. `title` is that of the focused pane."""
    screen.app.push_screen(HelpScreen(live, help_keys(screen, unmade, may_write=not live.session.is_read_only), title))


# The page `:messages`: the failures of the session, the newest at the end.
#
# It follows new messages while the cursor is at the end.


class MessagesScreen(PageScreen):
    """Shows the messages, including those that are added while it is open."""

    title_word: ClassVar[str] = "messages"

    def __init__(self, live: LiveModel, messages: Messages) -> None:
        self._messages = messages
        self._shown = messages.added_count
        super().__init__(live)

    def rows(self, width: int) -> Sequence[PageRow]:
        now = self.live.session.local_now()
        if not len(self._messages):
            return [PageRow(()), PageRow((Piece("There are no messages yet.", Token.MUTED),))]
        return [
            PageRow(line, key=(message.text, message.first_at, number))
            for message in self._messages
            for number, line in enumerate(message_lines(message, now, width))
        ]

    def right(self) -> Line:
        return (Piece(formatting.plural(len(self._messages), "message"), Token.TEXT),)

    def begin(self) -> None:
        self.call_after_refresh(self.page.action_bottom)

    def tick(self) -> None:
        super().tick()
        if self._messages.added_count == self._shown:
            return
        self._shown = self._messages.added_count
        is_at_end = self.page.cursor == len(self.page.rows) - 1
        self.page.rebuild()
        if is_at_end:
            self.page.action_bottom()
        self.show_rule()


# `o`: opens a run in the dashboard, by a browser where there is one, otherwise as a link to click or to copy.


# The dialog with a link: terminals open it by a click, the user can copy it.


class LinkedDialog(Dialog):
    """A dialog in which some lines are a link (OSC 8)."""

    def __init__(self, link: str) -> None:
        super().__init__()
        # All lines share one style, so that a terminal underlines them together when the pointer is over one.
        self._style = Style(link=link, underline=True)
        self.linked = range(0)
        """The lines of the link."""

    def render_line(self, y: int) -> Strip:
        strip = super().render_line(y)
        if self.line_at(y) not in self.linked:
            return strip
        # Only the text is a link, so a click on the spaces beside it opens nothing.
        text = strip.text
        begin, end = len(text) - len(text.lstrip(" │|")), len(text.rstrip(" │|"))
        return Strip.join([strip.crop(0, begin), strip.crop(begin, end).apply_style(self._style), strip.crop(end)])


class LinkDialog(LineDialog[None]):
    """Shows a link that no browser could open, and why."""

    BINDINGS: ClassVar[list[BindingType]] = [
        bind("escape", "close", "back", "Close the dialog.", id="back"),
        bind("q", "close", "back", "Close the dialog."),
        bind("o", "close", "back", "Close the dialog.", id="browse"),
        bind("y", "copy_link", "copy", "Copy the link."),
    ]
    cells = 84

    def __init__(self, link: str, reason: str, clipboard: Clipboard) -> None:
        self._linked = LinkedDialog(link)
        super().__init__(self._linked)
        self._link, self._reason, self._clipboard = link, reason, clipboard

    def action_copy_link(self) -> None:
        self.dismiss(None)
        self._clipboard.send("link", self._link)

    def lines(self, width: int, height: int) -> list[Line]:  # noqa: ARG002  it is low
        limit = width - 2 * INDENT
        reason = [(Piece(row, Token.MUTED),) for row in wrap(self._reason, limit)]
        head: list[Line] = [(), (Piece("Open in a browser", Token.BRIGHT, is_bold=True),), *reason, ()]
        rows = [self._link[start : start + limit] for start in range(0, len(self._link), limit)]
        self._linked.linked = range(len(head), len(head) + len(rows))
        copy: Line = (Piece("y", Token.TEXT, is_bold=True), Piece("  copy it   ", Token.MUTED))
        back: Line = (Piece("Esc", Token.TEXT, is_bold=True), Piece("  back", Token.MUTED))
        lines: list[Line] = [*head, *((Piece(row, Token.TEXT),) for row in rows), (), (*copy, *back), ()]
        return indented(lines, INDENT)


NO_DASHBOARD: Final = "not known; set dashboard.url in config.toml"


NO_PROJECT: Final = "the server has not named the project yet"


def link_of(session: Session, run_id: RunId) -> tuple[str | None, str]:
    """Return the address of a run in the dashboard, or None and the reason."""
    environment, configured = session.store.environment, session.settings.dashboard.url
    link = None if environment is None else environment.link_to(run_id, configured)
    if link is not None:
        return link, ""
    has_project = environment is not None and environment.project_ref is not None
    return None, NO_PROJECT if configured and not has_project else NO_DASHBOARD


NO_BROWSER: Final = "No browser can be started here. Most terminals open this link by a click, some with ctrl:"


def browse(screen: PaintedScreen[Any], run_id: RunId) -> None:
    """Open a run in the browser, or say why that is not possible."""
    app = app_of(screen)
    link, reason = link_of(app.session, run_id)
    if link is None or not programs.is_web_address(link):
        screen.say(f"no link to the dashboard: {reason}")
    else:
        app.session.spawn(_open(app, link, screen.clipboard), f"open {run_id} in the browser")


async def _open(app: AppBase, link: str, clipboard: Clipboard) -> None:
    """Try the browsers in their order, and show the link if all of them fail."""
    environ = without_secrets(app.environ)
    failures: list[str] = []
    for command in programs.browsers_for(link, environ):
        failure = await _try(app, command, environ)
        if failure is None:
            return
        failures.append(failure)
        app.messages.add(app.session.now(), f"The browser failed: {failure}.")

    def show() -> None:
        reason = f"The browser failed: {', '.join(failures)}. Open this link:" if failures else NO_BROWSER
        app.push_screen(LinkDialog(link, reason, clipboard))

    call_soon(app, show)


async def _try(app: AppBase, command: tuple[str, ...], environ: dict[str, str]) -> str | None:
    """Start one browser. Return why it failed, with its name."""
    name = PurePath(command[0]).name
    if name not in programs.TEXT_BROWSERS:
        failure = await programs.start_browser(command, environ)
        return failure and f"{name}: {failure}"
    try:
        code = await app.run_in_foreground(command, environ)
    except OSError as error:
        return str(error)
    return None if code == 0 else f"{name}: {programs.outcome_words(code)}"
