"""The footer: the keys that work now, and a notice at the right end.

Its facts are compared when Textual reports that bindings may have changed, when its width or the connection changes,
and for a notice. The line is made again only if they differ. The screen calls `refresh_bindings` when the cursor moves
to another run.
"""

from typing import Final

from textual import events

from tui.actions import ACTIONS
from tui.present.actions.outcomes import need_connection
from tui.present.frame.footer import KeyWord, footer_line, unbound_words
from tui.present.key_words import key_of
from tui.present.styled import Line, Piece, Token
from tui.ui.base import is_covered
from tui.ui.input.bindings import KeyContext, KeyFacts, live_keys
from tui.ui.input.keys import LAST_RANK, pressed_key_label
from tui.ui.widgets.lines import Lines

NOTICE_S: Final = 4.0
"""How long a notice is shown: long enough to read eight words."""


class Footer(Lines):
    """Shows the keys of its screen."""

    def __init__(self) -> None:
        super().__init__(id="footer")
        self._notice: Line = ()
        self._notice_ends_s = 0.0
        self._notice_names_help = False
        self._facts: tuple[object, ...] = ()
        self._shown_connection = (False, False)
        self._is_outdated = True

    def on_mount(self) -> None:
        self._key_facts = KeyFacts(self.screen)
        self.screen.bindings_updated_signal.subscribe(self, lambda _: self.rebuild())

    def on_resize(self, event: events.Resize) -> None:
        event.stop()
        self.rebuild()

    def notice(self, line: Line, *, for_s: float = NOTICE_S, names_help: bool = False) -> None:
        """Show a notice for a few seconds. `names_help`: it names the key for help, which is then not shown again."""
        self._notice, self._notice_names_help = line, names_help
        self._notice_ends_s = self.app_base.session.clock.monotonic_s() + for_s
        self.rebuild()

    def show_unbound_key(self, event: events.Key) -> None:
        """Show that a key does nothing here, unless it is the same key as before."""
        name = pressed_key_label(event.key, event.character)
        if name is None or event.key == self.app_base.previous_key:
            return
        help_key = next((key.shown for key in live_keys(self.screen) if key.action == "help"), "")
        self.notice(unbound_words(name, help_key), names_help=bool(help_key))

    def forget_keys(self) -> None:
        """Read the bindings of the screen again, because they have changed."""
        self._key_facts = KeyFacts(self.screen)
        self._facts = ()

    def tick(self) -> None:
        is_over = bool(self._notice) and self.app_base.session.clock.monotonic_s() >= self._notice_ends_s
        if is_over:
            self._notice = ()
        if is_over or self._is_outdated or self._shown_connection != self._connection:
            self.rebuild()

    def rebuild(self) -> None:
        """Show as many of the keys that work now as fit."""
        self._is_outdated = not self.size.width or is_covered(self)
        if self._is_outdated:
            return
        session = self.app_base.session
        self._shown_connection = is_stale, is_failing = self._connection
        is_offline = is_stale and not session.is_read_only and len(session.store) > 0
        is_failing = is_failing and self.screen is self.app_base.screen_stack[0]
        notice = (self._notice, self._notice_names_help)
        nodes, *keys = self._key_facts.current()
        place = (self.size.width, is_offline, is_failing, notice, nodes)
        if place == self._facts[: len(place)] and isinstance(self.screen, KeyContext) and self.screen.keeps_keys():
            self._is_outdated = True
        elif (facts := (*place, *keys)) != self._facts:
            self._facts = facts
            self._show_keys(is_offline=is_offline, is_failing=is_failing)

    @property
    def _connection(self) -> tuple[bool, bool]:
        freshness = self.app_base.live.freshness
        return freshness.is_stale, freshness.failure is not None

    def _show_keys(self, *, is_offline: bool, is_failing: bool) -> None:
        keys = (key for key in live_keys(self.screen) if key.works_now or key.denial)
        places = [(key, place) for key in keys if (place := key.place) is not None]
        places.sort(key=lambda each: each[1].rank)
        shown = [
            KeyWord(key.shown, key.word, place.need, is_denied=bool(key.denial))
            for key, place in places
            if place.rank != LAST_RANK
        ]
        if is_failing:
            retry = key_of("refresh", "r")
            shown[:0] = [KeyWord(retry, "try now")] if retry else []
        last = next((KeyWord(key.shown, key.word) for key, place in places if place.rank == LAST_RANK), None)
        if self._notice and self._notice_names_help:
            last = None
        actions = [key for action in ACTIONS if (key := key_of(action.id, action.key))]
        remark: Line = (Piece(need_connection(actions), Token.FAINT),) if is_offline and actions else ()
        self.show([footer_line(shown, last, self._notice or remark, self.size.width)])
