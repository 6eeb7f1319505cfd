"""The dialog of the server's filters: status, task, tag, version, queue, period."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar, Final

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical
from textual.screen import Screen
from textual.strip import Strip
from textual.widget import Widget
from textual.widgets import Input

from tui.domain.filters import period_text
from tui.present.dialogs import filters as say
from tui.present.dialogs.filters import Typed
from tui.present.styled import Line, Piece, Token, pad
from tui.store.server_filter import KnownValues, ServerFilter, known_values
from tui.ui.data.live_model import LiveModel
from tui.ui.data.subscription import RunSubscription
from tui.ui.input.keys import bind
from tui.ui.look.styles import Background
from tui.ui.screens.painted import PaintedDialog
from tui.ui.widgets.dialog import DialogBorder
from tui.ui.widgets.lines import Lines, LineWidget
from tui.ui.widgets.status_grid import StatusGrid
from tui.ui.widgets.value_field import PeriodInput, ValueField, ValueInput, step_focus

FULL_HEIGHT: Final = 21
"""Rows of the dialog with its empty rows. On a lower screen it has none."""


class ClearAll(LineWidget, can_focus=True):
    """The button that clears every filter."""

    BINDINGS: ClassVar[list[BindingType]] = [
        bind("enter,space", "screen.clear_all", "clear", "Clear every filter.", id="clear-chosen"),
        bind("up,left,k,h,shift+tab", "step(-1)", "up", "Go to the field above.", id="button-up"),
        bind("down,right,j,l,tab", "step(1)", "down", "Go to the statuses.", id="button-down"),
    ]

    def strip_at(self, y: int) -> Strip:  # noqa: ARG002  it has one line
        if not self.has_focus:
            return self.painter.strip((Piece("  clear all", Token.MUTED),), self.size.width, Background.DIALOG)
        line = (Piece("▌ ", Token.ACCENT), Piece("clear all", is_bold=True))
        return self.painter.strip(line, self.size.width, Background.DIALOG_CURSOR)

    def action_step(self, step: int) -> None:
        step_focus(self, step)

    async def on_click(self) -> None:
        await self.run_action("screen.clear_all")

    def on_focus(self) -> None:
        self.refresh()

    def on_blur(self) -> None:
        self.refresh()


class ServerFiltersScreen(PaintedDialog[ServerFilter | None]):
    """Starts with the current filters, and returns the new ones; None if it was closed without a choice.

    `default_period` applies where no period is typed. `run_limit` is the largest number of runs that is read. `now`
    returns the server's time.
    """

    CSS_PATH = "../styles/server_filters.tcss"
    has_text_field: ClassVar[bool] = True
    BINDINGS: ClassVar[list[BindingType]] = [
        bind("escape", "leave", "back", "Close without changing the filters.", id="back"),
    ]

    def __init__(
        self,
        chosen: ServerFilter,
        *,
        known: KnownValues,
        default_period: timedelta,
        run_limit: int,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        super().__init__()
        typed = say.typed_of(chosen, now().tzinfo or UTC)
        self._known = known
        self._default_period = default_period
        self._run_limit = run_limit
        self._now = now
        self._grid = StatusGrid(typed.statuses)
        self._fields = {
            "task": ValueField("task", ValueInput(typed.task, known.tasks)),
            "tag": ValueField("tag", ValueInput(typed.tag, known.tags)),
            "version": ValueField("version", ValueInput(typed.version, known.versions)),
            "queue": ValueField("queue", ValueInput(typed.queue, known.queues)),
            "period": ValueField("period", PeriodInput(typed.period, placeholder=period_text(default_period))),
        }
        self._clear = ClearAll(id="clear")
        self._band = Lines(Background.BAND, classes="band")
        self._remark = Lines(Background.DIALOG)
        self._shows = Lines(Background.DIALOG, id="shows")
        self._apply = Lines(Background.DIALOG, id="apply")
        self._leave = Lines(Background.DIALOG, id="leave")
        self._end = Lines(Background.DIALOG, classes="gap")

    @property
    def typed(self) -> Typed:
        """The filters as they are typed in the dialog."""
        texts = {name: field.input.value for name, field in self._fields.items()}
        return Typed(self._grid.chosen, **texts)

    def compose(self) -> ComposeResult:
        with Vertical(id="server-filters", classes="ruled" if self._band.painter.needs_rules else ""):
            yield DialogBorder(classes="left")
            yield DialogBorder(classes="right")
            yield self._band
            yield _gap()
            yield self._grid
            yield _gap()
            yield from self._fields.values()
            yield _gap()
            yield self._remark
            yield self._shows
            yield _gap()
            with Horizontal():
                yield self._apply
                yield self._clear
                yield self._leave
            yield self._end

    def on_mount(self) -> None:
        self._grid.focus()
        self._apply.show([(Piece("   "), Piece(" Apply ", Token.BUTTON), Piece("  Enter", is_bold=True))])

    def on_resize(self) -> None:
        self.set_class(self.size.height < FULL_HEIGHT, "low")
        self.call_after_refresh(self._show)

    def on_descendant_focus(self) -> None:
        self._show()

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        self._show()

    def on_status_grid_changed(self) -> None:
        self._show()

    def action_clear_all(self) -> None:
        self._grid.choose(frozenset())
        for field in self._fields.values():
            field.input.put("")
        self.set_focus(self._grid)

    def action_apply(self) -> None:
        chosen = say.read_typed(self.typed, self._default_period, self._now())
        if chosen is None:
            self.set_focus(self._fields["period"].input)
        else:
            self.dismiss(chosen)

    def action_leave(self) -> None:
        self.dismiss(None)

    def _show(self) -> None:
        width = self._band.size.width
        if not width:
            return
        needs_rules = self._band.painter.needs_rules
        self._band.show([say.band_line(width, needs_rules=needs_rules)])
        self._end.show([say.end_line(width, needs_rules=needs_rules)])
        self._shows.show([say.shows_line(self.typed, self._default_period, self._now())])
        self._remark.show([self._remark_line(width)])
        leave = (Piece("Esc", is_bold=True), Piece(" back", Token.FAINT), Piece("   "))
        self._leave.show([pad(leave, self._leave.size.width, "right")])

    def _remark_line(self, width: int) -> Line:
        """Return an error, else a suggestion, else the keys that work in the focused field."""
        if (failure := say.period_error(self.typed.period, self._now())) is not None:
            return say.sentence_line(failure, is_wrong=True)
        name = next((name for name, field in self._fields.items() if field.input.has_focus), None)
        if name == "period":
            return say.keys_line(("← →", "choose, or type 90m, 14d, 02:50-03:20")) + say.run_limit_line(self._run_limit)
        if name is not None:
            value_input = self._fields[name].input
            warning = None if value_input.is_incomplete else say.doubtful_value(name, value_input.value, self._known)
            if warning is not None:
                return say.sentence_line(warning, is_wrong=False)
            return say.offer_line(value_input.offered, width, is_tab=value_input.is_incomplete)
        if self._clear.has_focus:
            return say.sentence_line("Enter clears every filter. Enter once more applies that.", is_wrong=False)
        what = self._grid.title
        return say.keys_line(("space", f"all {what}" if self._grid.is_on_head else what), ("↓", "fields"))


def _gap() -> Widget:
    return Lines(Background.DIALOG, classes="gap")


def open_server_filters(screen: Screen[Any], live: LiveModel, subscription: RunSubscription) -> None:
    """Let the user choose the server's filters."""
    settings = live.session.settings

    def follow(chosen: ServerFilter | None) -> None:
        if chosen is not None:
            subscription.choose(chosen)

    filters = ServerFiltersScreen(
        subscription.chosen,
        known=known_values(live.session.store),
        default_period=settings.history,
        run_limit=settings.history_runs,
        now=live.session.local_now,
    )
    screen.app.push_screen(filters, follow)
