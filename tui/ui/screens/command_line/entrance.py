"""Opens the command line over a view, runs what it returns, and remembers it.

The dialog and its commands are imported when it is first opened.
"""

from collections.abc import Coroutine, Sequence
from typing import TYPE_CHECKING

from tui.domain.ids import RunId
from tui.lazy_dataclass import dataclass
from tui.ui.data.subscription import RunSubscription
from tui.ui.screens.base import ViewScreen
from tui.ui.screens.view_entrance import MainView

if TYPE_CHECKING:
    from tui.present.command_line.box import HistoryLine
    from tui.store.addresses.view_address import ViewAddress
    from tui.store.command_line.links import PastedLink
    from tui.ui.data.command_line.history_file import CommandHistory
    from tui.ui.data.command_line.linked_run import LinkedRun
    from tui.ui.data.command_line.run_numbers import RunNumbers
    from tui.ui.model.command_line.arguments import Choices
    from tui.ui.model.command_line.commands import Command
    from tui.ui.model.command_line.model import Execution
    from tui.ui.screens.command_line.screen import CommandLineScreen


@dataclass(slots=True, eq=False)
class _Opened:
    """What belongs to the command line that is open."""

    view: ViewScreen
    numbers: "RunNumbers"
    linked_run: "LinkedRun"
    dialog: "CommandLineScreen | None" = None


class CommandLineEntrance:
    """The way to the command line from every view, with one history for all."""

    def __init__(self, main: MainView) -> None:
        self._main = main
        self._history: CommandHistory | None = None
        self._opened: _Opened | None = None

    def open(self, view: ViewScreen, own: "Sequence[Command]") -> None:
        """Open the command line. `own` are the view's commands without a key, besides those of every view."""
        from tui.ui.data.command_line.linked_run import LinkedRun  # noqa: PLC0415  loaded when first used
        from tui.ui.data.command_line.run_numbers import RunNumbers  # noqa: PLC0415
        from tui.ui.input.commands import commands_of  # noqa: PLC0415
        from tui.ui.model.command_line.model import CommandLine  # noqa: PLC0415
        from tui.ui.model.command_line.view_arguments import ViewArguments  # noqa: PLC0415
        from tui.ui.screens.command_line.screen import CommandLineScreen  # noqa: PLC0415

        app = view.app_base
        history = self.history
        numbers = RunNumbers(view.live, app.part(RunSubscription).chosen, self._update_soon)
        self._opened = opened = _Opened(view, numbers, LinkedRun(view.live.session, self._update_soon))
        model = CommandLine(
            commands_of(view, own=[*self._common(opened), *own]),
            self._lines(history),
            address=ViewArguments("", numbers, self._apply, self._problem),
            link_choices=self._link_choices,
        )
        opened.dialog = CommandLineScreen(model, lambda: not history.is_loaded)
        if not history.is_loaded:
            app.session.spawn(self._load(history), "read the history of commands")
        app.push_screen(opened.dialog, self._close)

    @property
    def history(self) -> "CommandHistory":
        """The commands that were run before."""
        from tui.ui.data.command_line.history_file import CommandHistory  # noqa: PLC0415  loaded when first used

        if self._history is None:
            app = self._main.app_base
            self._history = CommandHistory(
                app.session.settings.state_dir,
                owner=app.part(RunSubscription).state_key,
                holds_key=app.session.secrets.finds,
            )
        return self._history

    def _common(self, opened: _Opened) -> "list[Command]":
        from tui.ui.screens.command_line.common import common_commands  # noqa: PLC0415  loaded when first used

        return common_commands(opened.view, opened.numbers, self._apply, self._problem, self._say)

    def _lines(self, history: "CommandHistory") -> "list[HistoryLine]":
        from tui.present.command_line.box import HistoryLine  # noqa: PLC0415  loaded when first used

        zone = self._main.live.session.settings.zone
        return [HistoryLine(each.at.astimezone(zone), each.text) for each in reversed(history.entries)]

    async def _load(self, history: "CommandHistory") -> None:
        await history.load()
        if self._opened is not None and self._opened.dialog is not None:
            self._opened.dialog.model.history = self._lines(history)
            self._update_soon()

    def _update_soon(self) -> None:
        # A task of the session calls this; widgets are changed on the app's own message loop.
        if self._opened is not None and self._opened.dialog is not None:
            self._opened.dialog.call_later(self._opened.dialog.update)

    async def _close(self, execution: "Execution | None") -> None:
        opened, self._opened = self._opened, None
        if opened is not None:
            opened.numbers.close()
            opened.linked_run.stop()
        if execution is None:
            return
        if execution.text and self.history.add(execution.text, self._main.live.session.now()):
            self._main.live.session.spawn(self._save(), "keep the command")
        self._main.note_view()
        done = execution.run()
        if isinstance(done, Coroutine):
            await done  # before the keys that were typed behind the command
        self._main.note_view()

    async def _save(self) -> None:
        history, app = self.history, self._main.app_base
        before = history.failure
        await history.save()
        if history.failure is not None and history.failure != before:
            app.messages.add_once(app.session.now(), history.failure)

    def _apply(self, address: "ViewAddress") -> None:
        self._main.app_base.show_address(address)

    def _problem(self, address: "ViewAddress") -> str | None:
        from tui.store.addresses.addressed_views import period_problem  # noqa: PLC0415  loaded when first used

        return period_problem(address.since, self._main.live.session.local_now())

    def _say(self, text: str) -> None:
        """Show a notice on the view that is in front."""
        self._main.front.say(text)

    def _link_choices(self, link: "PastedLink") -> "Choices":
        from tui.ui.screens.command_line.link_choices import link_choices  # noqa: PLC0415  loaded when first used

        assert self._opened is not None
        return link_choices(link, self._opened.view.live, self._opened.linked_run, self._apply, self._copy)

    def _copy(self, run_id: RunId) -> None:
        self._main.front.clipboard.send("id", run_id)
