"""The base class of screens that show one page: the keys, the messages, a value."""

from collections.abc import Sequence
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import BindingType

from tui.present.frame.rule import RuleText
from tui.present.styled import Line, Piece, Token
from tui.ui.base import AppBase, app_of
from tui.ui.data.live_model import LiveModel
from tui.ui.input.keys import LAST_RANK, bind
from tui.ui.look.ticking import Ticker
from tui.ui.model.page_rows import PageRow
from tui.ui.screens.painted import PaintedScreen
from tui.ui.widgets.footer import Footer
from tui.ui.widgets.header import Header
from tui.ui.widgets.page import Page
from tui.ui.widgets.prompt import Prompt
from tui.ui.widgets.rule import Rule


class PageScreen(PaintedScreen[None]):
    """A page that Esc closes. A subclass makes the rows and sets the title."""

    CSS_PATH = "../styles/page_screen.tcss"
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
        super().__init__()
        self.live = live
        self.page = Page(self.rows)
        self._header = Header(live)
        self._rule = Rule()
        self._footer = Footer()
        self._prompt = Prompt()
        self._searched = ""
        self._ticker = Ticker(self, live.session.clock, self.tick)

    @property
    def app_base(self) -> AppBase:
        """The app with its own type."""
        return app_of(self)

    def compose(self) -> ComposeResult:
        yield self._header
        yield self._rule
        yield self.page
        yield self._footer
        yield self._prompt

    def rows(self, width: int) -> Sequence[PageRow]:
        """Return the rows of a page of `width` cells."""
        raise NotImplementedError

    def left(self) -> Line:
        """Return the text of the rule behind the title."""
        return ()

    def right(self) -> Line:
        """Return the text at the right end of the rule."""
        return ()

    def on_mount(self) -> None:
        self.app_base.changed.subscribe(self, self._header.on_changes)
        self.app_base.settings_changed.subscribe(self, lambda _: self._show_again())
        self._ticker.begin()
        self.set_focus(self.page)  # at once: a key typed right behind the one that opened this may open the prompt
        self.show_rule()
        self.begin()

    def begin(self) -> None:
        """Start the page's own work. Called once, when it is mounted."""

    def on_unmount(self) -> None:
        self.app_base.settings_changed.unsubscribe(self)  # a signal refers to its subscribers until it is published
        self.app_base.changed.unsubscribe(self)
        self._ticker.stop()

    def tick(self) -> None:
        """Show what depends on the time. Called every second."""
        self._header.tick()
        self._footer.tick()

    def _show_again(self) -> None:
        self.page.rebuild()
        self.show_rule()

    def show_rule(self) -> None:
        """Bring the rule up to date."""
        hits = self.page.hits
        title: Line = (Piece(self.title_word, Token.BRIGHT, is_bold=True), *self.left())
        found = self.right()
        if hits is not None:
            words = f"match {hits[0]} of {hits[1]}" if hits[1] else "not found here"
            found = (Piece(words, Token.TEXT if hits[1] else Token.MUTED),)
        self._rule.show(RuleText((), title, found, is_focused=True))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002  Textual's
        return not self._prompt.is_open and (action != "hit_step" or bool(self.page.hits and self.page.hits[1]))

    def on_key(self, event: events.Key) -> None:
        if not self._prompt.is_open:
            self._footer.show_unbound_key(event)

    def on_page_moved(self) -> None:
        self.show_rule()

    async def action_search(self) -> None:
        before = self._searched

        def end(_: str, is_kept: bool) -> None:  # noqa: FBT001  the prompt's word
            if not is_kept:
                self._search(before)
            self._footer.remove_class("away")

        await self._prompt.open(before, self._search, end)
        self._footer.add_class("away")

    def action_hit_step(self, step: int) -> None:
        self.page.next_hit(step)

    def action_help(self) -> None:
        from tui.ui.screens.help import open_help  # noqa: PLC0415  loaded when first used

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
