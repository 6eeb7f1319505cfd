"""The base classes of panes: `Pane`, and `PagePane` for panes whose body is a page of lines.

Panes do not know each other. A pane receives the selection from its screen, and posts messages to it.
"""

from collections.abc import Awaitable, Callable, Collection, Hashable, Sequence
from typing import Any, ClassVar, Final

from textual.app import ComposeResult
from textual.message import Message
from textual.reactive import reactive
from textual.widget import Widget

from tui.domain.run import Run, RunId
from tui.kit.app import AppBase, app_of, is_covered
from tui.kit.layout import Placement
from tui.kit.lines import Backdrop, Lines, Rule
from tui.kit.live_model import LiveModel
from tui.kit.page import Page, PageRow
from tui.kit.painted import PaintedScreen
from tui.kit.selection import Need, Selection
from tui.kit.words import NOTHING_SELECTED, RuleText, Tab, could_not_read
from tui.store.changes import Changes, Topic
from tui.text.blocks import SHOW_READING_AFTER, ListRuns, ReadStage, ToggleFold
from tui.text.formatting import LOADING
from tui.text.styled import Line, Piece, Token

_NOTHING: Final = object()
"""The subject of a page that was never shown."""


class OpenRun(Message):
    """The user opened another run, or the runs with a value of this one."""

    def __init__(self, opened: RunId | ListRuns) -> None:
        super().__init__()
        self.opened = opened


class Pane(Backdrop):
    """A rule, and below it a body that takes the focus.

    * `title`: the name in the rule, and with hyphens the id of the widget
    * `placement`: where the pane stands in the layout, if it has no `PaneEntry` that says it
    * `needs`: the data about the selected run that is fetched while the pane is visible
    """

    placement: ClassVar[Placement]
    form_sentence: ClassVar[str] = ""
    """What a form of another pane shows, for the palette."""
    needs: tuple[Need[Any], ...] = ()
    search_hint: str = ""
    """The hint in the empty search prompt."""
    head: Lines | None = None
    """The titles above the body, if there are any."""

    selection: reactive[Selection] = reactive(Selection(), init=False, repaint=False)
    tabs: reactive[tuple[Tab, ...]] = reactive((), init=False, repaint=False)
    """The numbers and names of the panes that share its place, its own included."""

    def __init__(self, live: LiveModel, title: str) -> None:
        super().__init__(id=title.replace(" ", "-"), classes="pane")
        self.title = title
        self.live = live
        self.rule = Rule()
        self.show_form: Callable[[str], Awaitable[None]]
        """Shows another form of the pane, by its title. The workspace sets it."""

    @property
    def app_base(self) -> AppBase:
        """The app with its own type."""
        return app_of(self)

    @property
    def own_screen(self) -> PaintedScreen[Any]:
        """The screen of the pane, with its own type."""
        assert isinstance(self.screen, PaintedScreen)  # as all of ours are
        return self.screen

    @property
    def is_shown(self) -> bool:
        """Whether the pane has a place, and no other screen covers it."""
        return self.is_attached and self.display and not is_covered(self)

    @property
    def body(self) -> Widget:
        """The widget that takes the focus of the pane."""
        raise NotImplementedError

    @property
    def run(self) -> Run | None:
        """The selected run as the screen shows it now."""
        run_id = self.selection.run_id
        return None if run_id is None else self.live.get(run_id)

    def stage_of(self, need: Need[Any]) -> ReadStage:
        """Return how far the read of a need of the selected run has got."""
        state = self.selection.state_of(need)
        if state.started_at is not None and self.live.now.at - state.started_at >= SHOW_READING_AFTER:
            return ReadStage.LATE
        return ReadStage.DUE if state.fetched_at is None and state.failure is None else ReadStage.DONE

    @property
    def is_alone(self) -> bool:
        """Whether no other pane is visible that names the run."""
        return self.has_class("alone")

    def say(self, text: str) -> None:
        """Show a text in the footer."""
        self.own_screen.say(text)

    @property
    def is_due(self) -> bool:
        """Whether what the pane shows of the selected run is being read, for less time than is worth saying."""
        return bool(self.needs and self.selection.run_id) and self.stage_of(self.needs[0]) is ReadStage.DUE

    def compose(self) -> ComposeResult:
        yield self.rule
        if self.head is not None:
            yield self.head
        yield self.body

    def left(self) -> Line:
        """Return the text of the rule after the name."""
        return ()

    def right(self) -> Line:
        """Return the text at the right end of the rule: counts, or how fresh the data is."""
        return ()

    def search_result(self) -> Line:
        """Return the result of a search, which the rule shows in place of `right`."""
        return ()

    @property
    def is_stale(self) -> bool:
        """Whether the data may be outdated, because the connection is lost."""
        return self.live.freshness.is_stale

    def show_rule(self) -> None:
        """Bring the rule up to date."""
        right = self.search_result() or self.right()
        self.rule.show(RuleText(self.tabs, self.left(), right, self.body.has_focus, self.is_stale))

    def watch_tabs(self) -> None:
        self.show_rule()

    def on_descendant_focus(self) -> None:
        self.show_rule()

    on_descendant_blur = on_descendant_focus

    @property
    def target(self) -> RunId | None:
        """The run that the keys of this pane act on."""
        return self.selection.run_id

    def enter(self) -> None:
        """Do what Enter means on the row under the cursor."""
        raise NotImplementedError

    def has_use_for(self, action: str) -> bool:
        """Return whether an action would do something here now, as far as the pane knows."""
        return action != "hit_step" or (bool(self.searched) and not self.finds_nothing)

    def word_for(self, action: str, usual: str) -> str:  # noqa: ARG002  for subclasses
        """Return the word of an action in the footer."""
        return usual

    def error_step(self, step: int) -> bool:  # noqa: ARG002  for subclasses
        """Move to the next (1) or previous (-1) error here; return whether there is one."""
        return False

    def search(self, text: str) -> Line:
        """Search for a text while it is typed. Return a remark for the prompt. An empty text ends the search."""
        raise NotImplementedError

    def end_typing(self) -> None:
        """Treat the typed text as complete, because the prompt was closed."""

    @property
    def searched(self) -> str:
        """The text of the search, or an empty text."""
        raise NotImplementedError

    @property
    def search_start(self) -> str:
        """The text with which the search prompt opens."""
        return self.searched

    def stand_beside(self, panes: Collection[str]) -> None:
        """Follow which panes are visible, by their titles."""

    @property
    def finds_nothing(self) -> bool:
        """Whether there is a search without a match."""
        return False

    def hit_step(self, step: int) -> None:
        """Move to the next (1) or previous (-1) match."""
        raise NotImplementedError

    def refetch(self) -> None:
        """Read what the pane reads by itself again, because the user asks for it. Needs are read by the screen."""

    def follow_list(self) -> None:
        """Show what changed in the list of the view, if the pane is about a row of it. The screen calls this."""

    def on_changes(self, changes: Changes) -> None:
        """Show changes of runs or of the session. The screen calls this."""
        raise NotImplementedError

    def tick(self) -> None:
        """Show what depends on the time. Called every second."""
        raise NotImplementedError


class PagePane(Pane):
    """A pane whose body is a page of rows. A subclass makes the rows.

    The page is rebuilt when the selection, its run or a setting changes, and every second while `is_ticking`.
    """

    shown_uses: ClassVar[tuple[str, ...]] = ("enter", "fold", "fold_all")
    """The actions whose keys the footer shows only while they have a use."""

    def __init__(self, live: LiveModel, title: str) -> None:
        super().__init__(live, title)
        self.page = Page(self.rows)
        self._searched = ""
        self._key_state: tuple[object, ...] = ()
        self._shown_subject: Hashable = _NOTHING
        self._is_outdated = False
        self._is_placed = False

    def on_mount(self) -> None:
        self.app_base.settings_changed.subscribe(self, lambda _: self.rebuild())

    def on_unmount(self) -> None:
        self.app_base.settings_changed.unsubscribe(self)

    @property
    def body(self) -> Page:
        return self.page

    @property
    def is_ticking(self) -> bool:
        """Whether the page depends on the time."""
        return self.selection.run_id is not None

    def rows(self, width: int) -> Sequence[PageRow]:
        """Return the rows for a page of `width` cells."""
        raise NotImplementedError

    def reason_for_none(self) -> str:
        """Return why there is nothing to show; empty while that is being read."""
        need = self.needs[0]
        if self.selection.run_id is None:
            return NOTHING_SELECTED
        if (failure := self.selection.state_of(need).failure) is not None:
            return could_not_read(need.name.capitalize() or "The run", failure)
        return "" if self.stage_of(need) is ReadStage.DUE else LOADING

    def enter(self) -> None:
        self.page.enter()

    @property
    def _row_action(self) -> object:
        return self.page.row.action if self.page.row else None

    def has_use_for(self, action: str) -> bool:
        if action == "enter":
            return self._row_action is not None
        return self.run is not None if action in {"fold", "unfold", "fold_all", "wrap"} else super().has_use_for(action)

    def word_for(self, action: str, usual: str) -> str:
        if action == "search":
            return "search"
        words = {ToggleFold: "fold, unfold", ListRuns: "runs with it"} if action == "enter" else {}
        return words.get(type(self._row_action), usual)

    def on_page_moved(self) -> None:
        self.follow_cursor()

    def follow_cursor(self) -> None:
        """Show the keys and the rule of the row under the cursor."""
        uses = [self.has_use_for(action) for action in self.shown_uses]
        run = None if self.target is None else self.live.get(self.target)
        # Which actions a run allows depends on its status.
        state = self.is_due, self.word_for("enter", ""), uses, self.target, run and run.status
        if state != self._key_state:
            self._key_state = state
            self.refresh_bindings()
        if self._searched:
            self.show_rule()

    def search(self, text: str) -> Line:
        self._searched = text
        self.page.search(text)
        self.show_rule()
        self.refresh_bindings()
        return self.search_result()

    def search_result(self) -> Line:
        return (Piece(words, Token.MUTED),) if (words := self.page.hit_words) else ()

    @property
    def finds_nothing(self) -> bool:
        return self.page.hits is not None and not self.page.hits[1] and not self.page.is_searching

    @property
    def searched(self) -> str:
        return self._searched

    def hit_step(self, step: int) -> None:
        self.page.next_hit(step)

    def concerns(self, changes: Changes) -> bool:
        """Return whether the page may look different after these changes."""
        return self.selection.run_id in changes.changed or self.selection.run_id in changes.added

    def rebuild(self) -> None:
        """Bring page and rule up to date. A hidden pane does so when it is shown again."""
        self._is_outdated = not self.is_shown
        if self._is_outdated:
            return
        if self.subject != self._shown_subject:
            is_first, self._shown_subject = self._shown_subject is _NOTHING, self.subject
            if not is_first:
                self.start_over()
        self.update_page()

    @property
    def subject(self) -> Hashable:
        """What the page is about. When it changes, the page starts at its top."""
        return self.selection.run_id

    def start_over(self) -> None:
        """Forget what was unfolded and where the cursor was, because the page is about something else."""
        self.page.start_over()
        self._is_placed = False

    @property
    def start_key(self) -> Hashable:
        """The key of the row where the cursor starts; None: it starts at the first row, or is not known yet."""
        return None

    def update_page(self) -> None:
        """Bring page and rule up to date."""
        self.page.show_stale(is_stale=self.live.now.frozen_at is not None)
        self.page.rebuild()
        if not self._is_placed and (key := self.start_key) is not None:
            self._is_placed = self.page.go_to(key)
        self.follow_cursor()
        self.show_rule()

    def on_show(self) -> None:
        self.rebuild()

    def on_resize(self) -> None:
        self.rebuild()  # the page has made its rows, but the cursor and the rule have not followed

    def watch_selection(self) -> None:
        self.rebuild()

    def on_changes(self, changes: Changes) -> None:
        if not self.is_shown:
            self._is_outdated = True
        elif self.concerns(changes):
            self.rebuild()
        elif changes.topics - {Topic.RUNS}:
            self.show_rule()

    def tick(self) -> None:
        if self.is_ticking or self._is_outdated:
            self.rebuild()
