"""The page `:views`: all saved views, to open, rename and delete."""

from collections.abc import Callable, Sequence
from typing import ClassVar

from textual.binding import BindingType

from tui.present import formatting
from tui.present.dialogs import views as say
from tui.present.styled import Line, Piece, Token
from tui.store.addresses.saved_views import ListedView, SavedView, with_view, without_view
from tui.ui.base import app_of
from tui.ui.data.live_model import LiveModel
from tui.ui.input.keys import bind
from tui.ui.model.page_rows import PageRow
from tui.ui.screens.page_screen import PageScreen
from tui.ui.screens.views.question import ViewQuestion
from tui.ui.screens.views.save_view import SaveView
from tui.ui.views.view_file import KnownViews, ViewChange


class ViewsScreen(PageScreen):
    """Lists the views. `open_view` opens one, after the page is closed."""

    CSS_PATH = "../../styles/page_screen.tcss"
    title_word: ClassVar[str] = "views"
    BINDINGS: ClassVar[list[BindingType]] = [
        bind("enter", "enter", "open", "Open the view under the cursor.", id="open", rank=5),
        bind("R", "rename_view", "rename", "Change the name or the letter of the view.", rank=6),
        bind("D", "delete_view", "delete", "Delete the view, after a question.", rank=7),
    ]

    def __init__(self, live: LiveModel, known: KnownViews, open_view: Callable[[SavedView], None]) -> None:
        self._known = known
        self._open_view = open_view
        self._is_read = False
        super().__init__(live)

    def rows(self, width: int) -> Sequence[PageRow]:
        views = self._known.listed
        if not self._is_read:
            return [PageRow(()), PageRow((Piece(say.READING, Token.MUTED),))]
        if not views:
            return [PageRow(line) for line in say.no_views()]
        names = say.name_width(views, width)
        return [
            PageRow(line, key=(each.view.name, each.view.is_configured, number), action=each)
            for each in views
            for number, line in enumerate(say.view_lines(each, names, width))
        ]

    def left(self) -> Line:
        return (Piece(" · yours, in every environment", Token.MUTED),)

    def right(self) -> Line:
        return (Piece(formatting.plural(len(self._known.listed), "view"), Token.TEXT),) if self._is_read else ()

    def begin(self) -> None:
        self.live.session.spawn(self._load(), "read the saved views")

    def keeps_keys(self) -> bool:
        return False

    def has_use_for(self, action: str, parameters: tuple[object, ...]) -> bool:  # noqa: ARG002  see `KeyContext`
        view = self._view
        if action in {"rename_view", "delete_view"}:
            return view is not None and not view.is_configured
        return action != "enter" or view is not None

    def word_for(self, action: str, usual: str) -> str:  # noqa: ARG002  the same in every state
        return usual

    def belongs_in_footer(self, action: str) -> bool:  # noqa: ARG002  the same in every state
        return True

    def denial_of(self, action: str, parameters: tuple[object, ...]) -> str:  # noqa: ARG002  no key is denied
        return ""

    def on_page_moved(self) -> None:
        self.refresh_bindings()

    def on_page_entered(self) -> None:
        self.action_enter()

    @property
    def _view(self) -> SavedView | None:
        """The view under the cursor."""
        row = self.page.row
        return row.action.view if row is not None and isinstance(row.action, ListedView) else None

    def action_enter(self) -> None:
        if (view := self._view) is not None:
            self.dismiss(None)
            self._open_view(view)

    def action_rename_view(self) -> None:
        if (view := self._own_view("renamed")) is None:
            return
        words = next(each.words for each in self._known.listed if each.view == view)

        def save(changed: SavedView | None) -> None:
            if changed is not None:
                self._change(lambda own: with_view(own, changed, instead_of=view.name))

        self.app.push_screen(SaveView(self._known, view.address, words, view), save)

    def action_delete_view(self) -> None:
        if (view := self._own_view("deleted")) is None:
            return
        letter = (f"The letter {view.letter} is then free.",) if view.letter else ()

        def delete(is_confirmed: bool | None) -> None:  # noqa: FBT001  the screen's result
            if is_confirmed:
                self._change(lambda own: without_view(own, view.name))

        facts = say.ViewQuestionFacts(f"Delete the view “{view.name}”?", letter, "delete")
        self.app.push_screen(ViewQuestion(facts, app_of(self).type_ahead), delete)

    def _own_view(self, verb: str) -> SavedView | None:
        view = self._view
        if view is not None and view.is_configured:
            self._say(f"“{view.name}” is {verb} in the config file alone")
            return None
        return view

    def _change(self, change: ViewChange) -> None:
        async def run() -> None:
            problem = await self._known.change(change)
            self.app.call_later(self._show_read, problem)

        self.live.session.spawn(run(), "save the views")

    async def _load(self) -> None:
        problem = await self._known.load()
        self.app.call_later(self._show_read, problem)

    def _show_read(self, problem: str | None) -> None:
        if problem is not None:
            self.app_base.messages.add(self.live.session.now(), problem)
        if self.is_attached:
            if not self._is_read:
                self.page.start_over()
            self._is_read = True
            self.page.rebuild()
            self.show_rule()
            self.refresh_bindings()
            if problem is not None:
                self._say(problem)

    def _say(self, text: str) -> None:
        self._footer.notice((Piece(text, Token.BRIGHT),))
