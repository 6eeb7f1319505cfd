"""What every pane is: a titled rule and a body below it.

What lives here: `Pane`, and `PagePane` for those whose body is a page of lines. No pane knows another: a pane is told
the selection, and says upwards what the user wants.
"""

from collections.abc import Sequence
from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.message import Message
from textual.reactive import reactive
from textual.widget import Widget

from tui.domain.ids import RunId
from tui.domain.run import Run
from tui.present.actions.row_actions import ToggleFold
from tui.present.styled import Line, Piece, Token
from tui.store.changes import Changes
from tui.ui.base import AppBase, app_of
from tui.ui.data.live_model import LiveModel
from tui.ui.model.layout import Placement
from tui.ui.model.page_rows import PageRow
from tui.ui.model.selection import Need, Selection
from tui.ui.widgets.page import Page
from tui.ui.widgets.rule import Rule, RuleText, Tab


class OpenRun(Message):
    """The user wants to be at another run."""

    def __init__(self, run_id: RunId) -> None:
        super().__init__()
        self.run_id = run_id


class Pane(Widget):
    """A rule, and below it a body that takes the focus.

    * `title`: the name in the rule, and the id of the widget
    * `placement`: where the pane stands in the layout
    * `needs`: what is fetched about the selected run while the pane is visible
    """

    title: ClassVar[str]
    placement: ClassVar[Placement]
    needs: ClassVar[tuple[Need[Any], ...]] = ()
    search_hint: ClassVar[str] = ""
    """What may be typed to search here, said before anything is."""

    selection: reactive[Selection] = reactive(Selection(), init=False, repaint=False)
    tabs: reactive[tuple[Tab, ...]] = reactive((), init=False, repaint=False)
    """The numbers and names of the panes that share its place, its own included."""

    def __init__(self, live: LiveModel, *, id: str) -> None:  # noqa: A002  Textual's name
        super().__init__(id=id, classes="pane")
        self.live = live
        self.rule = Rule()

    @property
    def app_base(self) -> AppBase:
        """The app, as what it is."""
        return app_of(self)

    def on_mount(self) -> None:
        self.app_base.changed.subscribe(self, self.on_changes)

    @property
    def body(self) -> Widget:
        """What has the focus when the pane has it."""
        raise NotImplementedError

    @property
    def run(self) -> Run | None:
        """The run that the pane is about, as it is known now."""
        run_id = self.selection.run_id
        return None if run_id is None else self.live.get(run_id)

    def compose(self) -> ComposeResult:
        """The rule, then the body."""
        yield self.rule
        yield self.body

    def left(self) -> Line:
        """What the rule says behind the name."""
        return ()

    def right(self) -> Line:
        """What the rule says at its right end: how much, how fresh."""
        return ()

    def found(self) -> Line:
        """What a search found, said in place of `right`."""
        return ()

    @property
    def is_stale(self) -> bool:
        """Whether the values are dead."""
        return self.live.freshness.is_stale

    def show_rule(self) -> None:
        """Bring the rule up to date."""
        right = self.found() or self.right()
        self.rule.show(RuleText(self.tabs, self.left(), right, self.body.has_focus, self.is_stale))

    def watch_tabs(self) -> None:
        """Other neighbours."""
        self.show_rule()

    def on_descendant_focus(self) -> None:
        """The rule tells where we are."""
        self.show_rule()

    def on_descendant_blur(self) -> None:
        """Likewise."""
        self.show_rule()

    @property
    def target(self) -> RunId | None:
        """The run that a key pressed here is about."""
        return self.selection.run_id

    def enter(self) -> None:
        """What Enter means here."""
        raise NotImplementedError

    def has_use_for(self, action: str) -> bool:
        """Whether an action would do something here now, as far as that is the pane's to know."""
        return action != "hit_step" or bool(self.searched)

    def word_for(self, action: str, usual: str) -> str:  # noqa: ARG002  for those that have another
        """What an action is called here now."""
        return usual

    def error_step(self, step: int) -> bool:
        """To the next (1) or previous (-1) error here; False: there is none."""
        raise NotImplementedError

    def search(self, text: str) -> Line:
        """Look for a text, as it is typed; gives a remark about what was found. Empty: end."""
        raise NotImplementedError

    def end_typing(self) -> None:
        """The prompt is closed: what was typed is as it was meant."""

    @property
    def searched(self) -> str:
        """The text that is looked for."""
        raise NotImplementedError

    @property
    def finds_nothing(self) -> bool:
        """Whether a text is looked for that is not here."""
        return False

    def hit_step(self, step: int) -> None:
        """To the next (1) or previous (-1) place that was found."""
        raise NotImplementedError

    def on_changes(self, changes: Changes) -> None:
        """Runs or facts changed."""
        raise NotImplementedError

    def tick(self) -> None:
        """A second has passed: bring up to date what depends on the time."""
        raise NotImplementedError


class PagePane(Pane):
    """A pane whose body is a page. A subclass makes the rows; the page is made anew when the selection or its run
    changes, and each second while `is_ticking`.
    """

    def __init__(self, live: LiveModel, *, id: str) -> None:  # noqa: A002  Textual's name
        super().__init__(live, id=id)
        self.page = Page(self.rows)
        self._searched = ""
        self._told: tuple[object, ...] = ()

    @property
    def body(self) -> Page:
        """The page."""
        return self.page

    @property
    def is_ticking(self) -> bool:
        """Whether what is shown depends on the time now."""
        return True

    def rows(self, width: int) -> Sequence[PageRow]:
        """The rows within so many cells."""
        raise NotImplementedError

    def enter(self) -> None:
        """What Enter means on the row under the cursor."""
        self.page.enter()

    @property
    def _act(self) -> object:
        return self.page.row.action if self.page.row else None

    def has_use_for(self, action: str) -> bool:
        """Enter has one on a row that leads somewhere, folding and wrapping where there is a run."""
        match action:
            case "enter":
                return self._act is not None
            case "fold" | "unfold" | "fold_all" | "wrap":
                return self.run is not None
            case _:
                return super().has_use_for(action)

    def word_for(self, action: str, usual: str) -> str:
        """A page is searched, not filtered; Enter on a fold turns it."""
        match action:
            case "search":
                return "search"
            case "enter" if isinstance(self._act, ToggleFold):
                return "fold, unfold"
            case _:
                return usual

    def on_page_moved(self) -> None:
        """The keys follow the cursor to what Enter means now, and the page to what can be folded."""
        told = self.has_use_for("enter"), self.word_for("enter", ""), self.has_use_for("fold")
        if told != self._told:
            self._told = told
            self.refresh_bindings()
        if self._searched:
            self.show_rule()

    def error_step(self, step: int) -> bool:  # noqa: ARG002  for those that have several
        """A page has no errors to go through, unless it says otherwise."""
        return False

    def search(self, text: str) -> Line:
        """Mark a text in the page."""
        self._searched = text
        self.page.search(text)
        self.show_rule()
        self.refresh_bindings()
        return self.found()

    def found(self) -> Line:
        """Which match the cursor is on, of how many."""
        hits = self.page.hits
        if hits is None:
            return ()
        return (Piece(f"match {hits[0]} of {hits[1]}" if hits[1] else "not found here", Token.MUTED),)

    @property
    def finds_nothing(self) -> bool:
        """Whether no row contains the text."""
        return self.page.hits is not None and not self.page.hits[1]

    @property
    def searched(self) -> str:
        """The text that is marked."""
        return self._searched

    def hit_step(self, step: int) -> None:
        """To the next or previous mark."""
        self.page.next_hit(step)

    def concerns(self, changes: Changes) -> bool:
        """Whether the page may look otherwise after these changes."""
        return self.selection.run_id in changes.changed or self.selection.run_id in changes.added

    def rebuild(self) -> None:
        """Bring page and rule up to date, if anybody sees them."""
        if not self.display:
            return
        self.page.show_stale(is_stale=self.live.now.frozen_at is not None)
        self.page.rebuild()
        self.on_page_moved()
        self.show_rule()

    def on_show(self) -> None:
        """What was away while things changed."""
        self.rebuild()

    def watch_selection(self, before: Selection, after: Selection) -> None:
        """Another run starts at its top."""
        if before.run_id != after.run_id:
            self.page.start_over()
        self.rebuild()

    def on_changes(self, changes: Changes) -> None:
        """Runs or facts changed."""
        if self.concerns(changes):
            self.rebuild()
        elif changes.topics:
            self.show_rule()

    def tick(self) -> None:
        """A second has passed."""
        if self.is_ticking:
            self.rebuild()
