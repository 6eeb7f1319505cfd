"""The header and the footer of a screen, and the summary above the footer."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, Final, NamedTuple

from textual import events
from textual.actions import parse
from textual.binding import Binding
from textual.dom import DOMNode
from textual.reactive import reactive
from textual.screen import Screen

from tui.api.actions import ACTIONS
from tui.domain.run import EXECUTING_FAMILY, RunStatus
from tui.kit.app import app_of, is_covered
from tui.kit.colors import Background, ColorMode
from tui.kit.header_words import HeaderFacts, header_line, terminal_title
from tui.kit.keys import LAST_RANK, key_label, places_of, pressed_key_label
from tui.kit.layout import SUMMARY_HEIGHT
from tui.kit.lines import Lines, OnChange, Prompt
from tui.kit.live_model import LiveModel
from tui.kit.look import Painter
from tui.kit.painted import PaintedScreen
from tui.kit.selection import Need, Selection
from tui.lazy_dataclass import dataclass
from tui.store.changes import Changes, Topic
from tui.store.freshness import Activity, Minute
from tui.store.indexes import StatusCounts
from tui.text.blocks import key_of, need_connection
from tui.text.styled import Line, Piece, Token, cut, fit, joined, line_width, offset_in

# The header: the environment, the freshness of the data, the counts of runs, and recent activity.
#
# `Header` collects the facts, `kit.header_words` makes the line.


ACTIVE: Final = EXECUTING_FAMILY | {RunStatus.QUEUED}
"""The statuses of runs that should change soon. Other live runs may wait for days, for a deployment or a token."""

MIN_LINE_AGE: Final = timedelta(seconds=1)
"""If the line is younger than this, changes of runs wait for the next tick."""


class LiveLines(Lines):
    """Lines that are made again for another width, and every second. Their screen calls `tick`."""

    def on_resize(self, event: events.Resize) -> None:
        event.stop()
        self.rebuild()

    def tick(self) -> None:
        self.rebuild()

    def rebuild(self) -> None:
        """Update the lines if they are visible."""
        raise NotImplementedError


class Header(LiveLines):
    """Shows the state of the session. Its screen calls `on_changes` too."""

    def __init__(self, live: LiveModel) -> None:
        super().__init__(id="header")
        self._live = live
        self._activity = Activity(live.session.store)
        self._counts = StatusCounts()
        self._minutes: tuple[Minute, ...] = ()
        self._changed_at: datetime | None = None
        self._differed_at = live.session.now()

    def on_changes(self, changes: Changes) -> None:
        self._activity.on_changes(changes)
        now = self._live.session.now()
        if Topic.RUNS in changes.topics:
            self._changed_at = now
        if changes.topics - {Topic.RUNS} or now - self._differed_at >= MIN_LINE_AGE:
            self.rebuild()

    def rebuild(self) -> None:
        """Update the line and the terminal's title. The line is repainted if it differs."""
        if self.size.width and not is_covered(self):
            painter, facts = self.painter, self._facts()
            lines = (self.line(facts, offline="o" if painter.is_ascii else "○"),)
            if lines != self.lines:
                self._differed_at = self._live.session.now()
                self.show(lines)
            app_of(self).set_title(terminal_title(facts, is_ascii=painter.is_ascii))

    def line(self, facts: HeaderFacts, *, offline: str) -> Line:
        """Return the line of the header. `offline` is the mark of an offline source."""
        return header_line(facts, self.size.width, is_colorless=self.painter.is_colorless, offline=offline)

    def _facts(self) -> HeaderFacts:
        session, pause = self._live.session, self._live.pause
        store, now = session.store, session.now()
        if pause is None:
            self._counts = store.status_counts(now)
            self._minutes = self._activity.minutes(now)
        return HeaderFacts(
            at=session.local_now(),
            freshness=self._live.freshness,
            api_url=session.settings.api_url,
            environment=store.environment,
            branch=session.settings.branch,
            is_read_only=session.is_read_only,
            counts=self._counts,
            budget=store.budget,
            paused_at=pause.since if pause is not None else None,
            frozen_at=pause.frozen_at if pause is not None else None,
            waiting=self._live.waiting_count,
            minutes=self._minutes,
            unchanged_for=self._unchanged_for(now),
            is_relayed=session.settings.relay_url is not None,
            is_slow_link=self.app_base.is_slow_link,
            reading=session.sources.oldest_read(),
        )

    def _unchanged_for(self, now: datetime) -> timedelta | None:
        """Return how long no run has changed; None if no run is expected to change."""
        can_change = any(map(self._live.session.store.with_status, ACTIVE))
        return now - self._changed_at if self._changed_at is not None and can_change else None


# `live_keys` returns the keys that work on a screen now. The footer and the command line show them.
#
# They come from Textual's active bindings, so that no list of keys has to be maintained.


_parsed: Final = lru_cache(256)(parse)


@dataclass(frozen=True, slots=True)
class LiveKey:
    """One active binding. `node` is the widget, screen or app that handles it.

    * `binding`: with one of its keys
    * `keys`: the labels of all its keys
    * `shown`: the label in the footer: that of the first key, or those of a pair
    * `works_now`: False if the action would do nothing in the current state
    * `denial`: why the action never does anything in this session
    """

    id: str
    binding: Binding
    node: DOMNode
    keys: tuple[str, ...]
    shown: str
    word: str
    action: str
    is_in_footer: bool
    works_now: bool
    denial: str = ""


def live_keys(screen: Screen[Any], *, for_footer: bool = False) -> list[LiveKey]:
    """Return each active binding once, those of the focused pane first. `for_footer`: those with a place there.

    Textual's own bindings, which have no id, are left out.
    """
    found: dict[str, LiveKey] = {}
    active = screen.active_bindings
    keys: dict[str, list[str]] = {}
    for key, each in active.items():
        keys.setdefault(each.binding.id or "", []).append(key_label(key))
    assert isinstance(screen, PaintedScreen)  # as all of ours are
    for node, binding, works_now, _ in active.values():
        if binding.id is None or binding.id in found or (for_footer and not places_of(binding).footer):
            continue
        _, name, parameters = _parsed(binding.action)
        found[binding.id] = LiveKey(
            id=binding.id,
            binding=binding,
            node=node,
            keys=tuple(keys[binding.id]),
            shown=_shown(binding, keys),
            word=screen.word_for(name, binding.description),
            action=binding.action,
            is_in_footer=screen.belongs_in_footer(name),
            works_now=works_now and screen.has_use_for(name, parameters),
            denial=screen.denial_of(name, parameters),
        )
    return list(found.values())


def _shown(binding: Binding, keys: Mapping[str, Sequence[str]]) -> str:
    """Return the key in the footer. `keys` are the labels of the keys of all bindings that work now, by id."""
    slot = places_of(binding).footer
    pair = [keys[each][0] for each in slot.pair if each in keys] if slot else []
    return " ".join(pair) or binding.key_display or key_label(binding.key)


# The line at the bottom: the keys that do something now, and a short notice at its right end.


_GAP: Final = "   "


class KeyWord(NamedTuple):
    """A key and its word. The key with the greatest `need` is dropped first. One that `is_denied` says why."""

    key: str
    word: str
    need: int = 0
    is_denied: bool = False


def footer_line(keys: Sequence[KeyWord], last: KeyWord | None, right: Line, width: int) -> Line:
    """Return the line in exactly `width` cells.

    Of `keys` those that fit beside `last` and `right` are shown in their order. `last` is always shown. If there is no
    room for `right`, it is cut.
    """
    final = [key_words(last)] if last is not None else []
    room = width - 2 - sum(line_width(key) + len(_GAP) for key in final)
    right = cut(right, max(0, room))
    room -= line_width(right) if right else -len(_GAP)
    chosen: dict[KeyWord, Line] = {}
    for key in sorted(keys, key=lambda each: each.need):
        if (cells := line_width(words := key_words(key)) + len(_GAP)) <= room:
            chosen[key] = words
            room -= cells
    left: Line = (Piece(" "), *joined([*(chosen[key] for key in keys if key in chosen), *final], _GAP))
    if not right:
        return fit(left, width)
    return (*fit(left, width - line_width(right) - 1), *right, Piece(" "))


def unbound_words(key: str, help_key: str) -> Line:
    """Return a notice that a key has no function here, naming the key that lists them; empty for no key."""
    said: Line = (Piece(key, Token.TEXT, is_bold=True), Piece(" is not a key here", Token.MUTED))
    keys = (Piece(" · ", Token.MUTED), Piece(help_key, Token.TEXT, is_bold=True), Piece(" keys", Token.MUTED))
    return (*said, *keys) if help_key else said


def key_words(key: KeyWord) -> Line:
    """Return a key and its word."""
    if key.is_denied:
        return (Piece(f"{key.key} {key.word}", Token.FAINT),)
    return (Piece(key.key, Token.TEXT, is_bold=True), Piece(f" {key.word}", Token.FAINT))


# The footer reads the keys when Textual reports that bindings may have changed, when its width or the connection
# changes, and for a notice. The screen calls `refresh_bindings` when the cursor moves to another run.


NOTICE_S: Final = 4.0
"""How long a notice is shown: long enough to read eight words."""


class Footer(LiveLines):
    """Shows the keys of its screen."""

    def __init__(self) -> None:
        super().__init__(id="footer")
        self._notice: Line = ()
        self._notice_ends_s = 0.0
        self._notice_names_help = False
        self._place: tuple[object, ...] = ()
        self._shown_connection = (False, False)
        self._is_outdated = True
        self._is_called = False

    def on_mount(self) -> None:
        self.screen.bindings_updated_signal.subscribe(self, lambda _: self._rebuild_later())

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

    async def on_click(self, event: events.Click) -> None:
        """Do what the key does that was clicked; of a pair, the one under the mouse."""
        keys = {key.id: key for key in live_keys(self.screen)}
        for key in keys.values():
            slot = places_of(key.binding).footer
            offset = offset_in(self.lines[0], f"{key.shown} {key.word}", event.x) if slot and self.lines else None
            if slot and offset is not None:
                pair = [keys[each] for each in slot.pair if each in keys]
                is_one_of_two = len(pair) > 1 and offset < len(key.shown)
                chosen = pair[key.shown[: offset + 1].count(" ")] if is_one_of_two else key
                await self.app.run_action(chosen.action, chosen.node)
                return

    def tick(self) -> None:
        is_over = bool(self._notice) and self.app_base.session.clock.monotonic_s() >= self._notice_ends_s
        if is_over:
            self._notice = ()
        if is_over or self._is_outdated or self._shown_connection != self._connection:
            self.rebuild()

    def _rebuild_later(self) -> None:
        """Read the keys only once, after the frame, however much a key has changed. This saves a tenth of its time."""
        if not self._is_called:
            self._is_called = self.call_after_refresh(self.rebuild)

    def rebuild(self) -> None:
        """Show as many of the keys that work now as fit."""
        self._is_called = False
        self._is_outdated = not self.is_attached or not self.size.width or is_covered(self)
        if self._is_outdated:
            return
        session = self.app_base.session
        self._shown_connection = is_stale, is_failing = self._connection
        is_offline = is_stale and not session.is_read_only and len(session.store) > 0
        is_failing = is_failing and self.screen is self.app_base.screen_stack[0]
        before, focused = self._place, self.screen.focused
        self._place = (self.size.width, is_offline, is_failing, self._notice, self._notice_names_help, focused)
        if self._place == before and isinstance(self.screen, PaintedScreen) and self.screen.keeps_keys():
            self._is_outdated = True
        else:
            self._show_keys(is_offline=is_offline, is_failing=is_failing)

    @property
    def _connection(self) -> tuple[bool, bool]:
        freshness = self.app_base.live.freshness
        return freshness.is_stale, freshness.failure is not None

    def _show_keys(self, *, is_offline: bool, is_failing: bool) -> None:
        keys = (key for key in live_keys(self.screen, for_footer=True) if key.works_now or key.denial)
        slots = [(key, slot) for key in keys if key.is_in_footer and (slot := places_of(key.binding).footer)]
        slots.sort(key=lambda each: each[1].rank)
        shown = [
            KeyWord(key.shown, key.word, slot.need, is_denied=bool(key.denial))
            for key, slot in slots
            if slot.rank != LAST_RANK
        ]
        if is_failing:
            retry = key_of("refresh", "r")
            shown[:0] = [KeyWord(retry, "try now")] if retry else []
        last = next((KeyWord(key.shown, key.word) for key, slot in slots if slot.rank == LAST_RANK), None)
        if self._notice and self._notice_names_help:
            last = None
        actions = [key for action in ACTIONS if (key := key_of(action.id, action.key))]
        remark: Line = (Piece(need_connection(actions), Token.FAINT),) if is_offline and actions else ()
        self.show([footer_line(shown, last, self._notice or remark, self.size.width)])


# The base of the lines above the footer that summarise what the other panes of a view would show.


def summary_height(painter: Painter) -> int:
    """Return the height: two lines, and a rule above them if there are no background colours."""
    return SUMMARY_HEIGHT + painter.needs_rules


class Summary(LiveLines):
    """Two lines, made again when `selection` changes, which is that of the screen."""

    ID: Final = "summary"
    needs: tuple[Need[Any], ...] = ()

    selection: reactive[Selection] = reactive(Selection(), init=False, always_update=False)

    def __init__(self, live: LiveModel) -> None:
        super().__init__(Background.SURFACE, id=self.ID)
        self.live = live

    def content(self, width: int) -> tuple[Line, ...]:
        """Return the two lines in at most `width` cells."""
        raise NotImplementedError

    def watch_selection(self) -> None:
        self.rebuild()

    def on_changes(self, changes: Changes) -> None:
        if changes.changed or changes.added or Topic.ACTIONS in changes.topics:
            self.rebuild()

    def rebuild(self) -> None:
        width = self.size.width
        if not self.display or not width or is_covered(self):
            return
        rule: tuple[Line, ...] = ((Piece("─" * width, Token.LINE),),) if self.painter.needs_rules else ()
        self.show((*rule, *self.content(width)), is_stale=self.live.now.frozen_at is not None)


# The base of screens that show data of the session.


class ViewScreen(PaintedScreen[None]):
    """A screen with a header, which shows changes of the session and the time. Most compose footer and prompt too."""

    def __init__(self, live: LiveModel, header: Header | None = None) -> None:
        super().__init__()
        self.live = live
        self.header = header or Header(live)
        self.footer = Footer()
        self.prompt = Prompt()

    def on_mount(self) -> None:
        self.app_base.changed.subscribe(self, self._paint_changes)

    def on_unmount(self) -> None:
        self.app_base.changed.unsubscribe(self)  # a signal refers to its subscribers until it is published

    def on_changes(self, changes: Changes) -> None:
        """Show changes of runs or of the session."""
        self.header.on_changes(changes)

    def tick(self) -> None:
        self.header.tick()
        self.footer.tick()

    def _paint_changes(self, changes: Changes) -> None:
        self.on_changes(changes)
        self.paint_now()

    def on_key(self, event: events.Key) -> None:
        if not self.prompt.is_open:
            self.show_unbound_key(event)

    def show_unbound_key(self, event: events.Key) -> None:
        """Show that a key does nothing here."""
        self.footer.show_unbound_key(event)

    def notice(self, line: Line) -> None:
        self.footer.notice(line)

    async def ask_search(
        self, text: str, before: str, search: OnChange, end: Callable[[], None] = lambda: None, *, hint: str = ""
    ) -> None:
        """Open the prompt with a text, and search while it is typed. `before` is the search to which Esc returns."""

        def close(_: str, is_kept: bool) -> None:  # noqa: FBT001  the prompt's word
            if not is_kept:
                search(before)
            end()
            self.footer.remove_class("away")

        await self.prompt.open(text, search, close, hint=hint)
        self.footer.add_class("away")

    def use_color_mode(self, color_mode: ColorMode) -> None:
        """Change the colours."""
        self.app_base.use_color_mode(color_mode)

    def action_leave_view(self) -> None:
        """Close the view."""
        self.dismiss(None)

    def action_save_view(self) -> None:
        self.app_base.doors.save_view(self)

    def action_open_view(self) -> None:
        self.app_base.doors.open_saved_view(self.app_base)
