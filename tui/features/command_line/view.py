"""The command line: its dialog, its commands, and what it runs."""

from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, ClassVar, Final

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.screen import Screen
from textual.widgets import Input

from tui.domain.error_kinds import kind_of
from tui.domain.run import Environment, Run, RunId
from tui.features.actions.view import from_palette
from tui.features.command_line import model
from tui.features.runs.data import RunSubscription
from tui.features.views.view import show_views
from tui.kit.bars import KeyWord, ViewScreen, footer_line, live_keys
from tui.kit.colors import Background, ColorMode
from tui.kit.commands import BoxLine, Choice, Choices, Command, HistoryLine, box_lines, visible_top
from tui.kit.keys import MOTION, bind
from tui.kit.lines import DialogBorder, Lines, TextInput
from tui.kit.list_panes import MainView, Sorts
from tui.kit.live_model import LiveModel
from tui.kit.page_screen import MessagesScreen
from tui.kit.painted import PaintedDialog
from tui.kit.selection import Selected
from tui.kit.words import without_request
from tui.settings.schema import FileSettings, settings_in, value_at, with_value
from tui.settings.settings import Settings
from tui.store.addresses import ERRORS, RUN, RUNS, SINCE, VIEWS, ViewAddress
from tui.store.command_line import LinkKind, PastedLink, elsewhere
from tui.sync.reads import Priority
from tui.sync.session import Session
from tui.text.blocks import key_of
from tui.text.status import style_of
from tui.text.styled import Line, Piece, Token, line_width

# The commands of every view: views with their arguments, colours, and settings that last until the program ends.


UNTIL: Final = "for this session only"


def common_commands(view: ViewScreen, numbers: model.RunNumbers, apply: model.Apply) -> list[Command]:
    """Return the commands, those with arguments first."""
    live, app = view.live, view.app_base
    messages = partial(MessagesScreen, live, app.messages)
    settings, set_to = settings_now(view), partial(_set, view)

    def one_of(path: str, shown: str) -> model.OneOf:
        live_setting, current, _ = settings[path]
        return model.OneOf(shown, live_setting.suggested, partial(set_to, path), current=current, until=UNTIL)

    theme, address = one_of("theme", "NAME"), app.doors.address_of(view)
    address = address if SINCE in VIEWS[address.view].names else ViewAddress(RUNS)
    period = model.PeriodArguments(address, model.ViewArguments(address.view, numbers, apply))
    *first, last = settings
    sentence_of_set = f"{', '.join(first)} or {last}, for this session only."
    return [
        *(
            Command(name, sentence, arguments=model.ViewArguments(name, numbers, apply))
            for name, form in sorted(VIEWS.items())
            if (sentence := form.sentence())
        ),
        Command(
            RUN, "One run: its id, a part of the id, or a link.", arguments=model.RunArguments(live, numbers, apply)
        ),
        Command(SINCE, "Another period: 2h, 7d, 02:50-03:20.", arguments=period),
        Command("theme", "Other colours: dark, light, 16.", arguments=theme),
        Command("bell", "How a new finding alerts you: off, bell, notice, both.", arguments=one_of("bell.ring", "HOW")),
        Command("environment", "Which environment this is; how to see another.", partial(view.say, _environment(live))),
        Command("set", sentence_of_set, arguments=model.SettingArguments(settings, set_to, UNTIL)),
        Command("messages", "Errors and warnings of this session.", lambda: app.push_screen(messages())),
        Command("views", "Saved views: open, rename, delete.", partial(show_views, view)),
        *model.commands_of_values("theme", theme, lambda name: ("16 colours" if name == "16" else name,)),
    ]


def _environment(live: LiveModel) -> str:
    here = live.session.store.environment
    ours = "" if here is None else f" · this is {_words_of(here)}"
    return f"for another environment, start trigger-tui with its key{ours}"


def settings_now(view: ViewScreen) -> dict[str, model.Setting]:
    """Return what may be set while the program runs, by its name."""
    now = view.live.session.settings

    def parse(path: str, annotation: Any, text: str) -> object:
        from tui.settings.reader import parsed  # noqa: PLC0415  loads pydantic_core

        value = parsed(annotation, text)
        if path == "interval" and value < now.min_interval_s:
            raise ValueError(f"at least {now.min_interval_s:g} with a public token")
        return value

    return {
        path: model.Setting(rule.live, _text(now, path), partial(parse, path, annotation))
        for path, annotation, rule in settings_in(FileSettings)
        if rule.live is not None
    }


def _text(settings: Settings, path: str) -> str:
    value = value_at(settings, path)
    return f"{value:g}" if isinstance(value, float) else str(value)


def _set(view: ViewScreen, path: str, value: object) -> None:
    """Set one of the settings. The value has been checked. A changed config file replaces it again."""
    view.app_base.change_settings(changed := with_value(view.live.session.settings, path, value))
    if path == "theme" and value != "auto":
        view.use_color_mode(ColorMode(str(value)))  # NO_COLOR wins over the config file, not over the user
    view.say(f"{path} {_text(changed, path)} {UNTIL}")


# Opens the command line over a view, runs what it returns, and remembers it.
#
# `RunsScreen` imports this module when the command line is first opened.


class CommandLineEntrance:
    """The way to the command line from every view, with one history for all."""

    def __init__(self, main: MainView) -> None:
        app = main.app_base
        self._main = main
        self._dialog: CommandLineScreen | None = None
        self.history = model.CommandHistory(app.session.settings.state_dir, owner=app.part(RunSubscription).state_key)
        """The commands that were run before."""
        self.history.holds_key = app.session.secrets.finds
        self.history.report = lambda text: app.messages.add_once(app.session.now(), text)

    def open(self, view: ViewScreen, own: Sequence[Command], sorts: Sorts | None) -> None:
        """Open the command line. `own` are the view's commands without a key, besides those of every view."""
        app, live, history = view.app_base, view.live, self.history
        numbers = model.RunNumbers(live, app.part(RunSubscription).chosen, self._update_soon)
        linked_run: Selected[RunId, None] = Selected(
            live.session,
            partial(_read_run, live.session),
            self._update_soon,
            key=str,
            name="read the run of a link",
            rest_s=LINK_REST_S,
        )
        show = partial(app.doors.show_address, app)
        common, here = common_commands(view, numbers, show), app.doors.address_of(view)
        period = here.since if here.view == RUNS else ""
        line = model.CommandLine(
            commands_of(view, own=[*common, *(model.sort_commands(sorts) if sorts else ()), *own]),
            self._lines(),
            filters=model.ViewArguments(RUNS, numbers, show, period=period),
            link_choices=lambda link: link_choices(link, view, linked_run),
            now=live.now.at,
        )
        self._dialog = CommandLineScreen(line, lambda: not history.is_loaded)
        if not history.is_loaded:
            app.session.spawn(self._load(), "read the history of commands")

        async def close(execution: model.Execution | None) -> None:
            self._dialog = None
            numbers.close()
            linked_run.stop()
            if execution is not None:
                await self._run(execution)

        app.push_screen(self._dialog, close)

    def _lines(self) -> list[HistoryLine]:
        zone = self._main.live.session.settings.zone
        return [HistoryLine(each.at.astimezone(zone), each.text) for each in reversed(self.history.entries)]

    async def _load(self) -> None:
        await self.history.load()
        if self._dialog is not None:
            self._dialog.line.history = self._lines()
            self._update_soon()

    def _update_soon(self) -> None:
        # A task of the session calls this; widgets are changed on the app's own message loop.
        if self._dialog is not None:
            self._dialog.call_later(self._dialog.update)

    async def _run(self, execution: model.Execution) -> None:
        if execution.text and self.history.add(execution.text, self._main.live.session.now()):
            self._main.live.session.spawn(self.history.save(), "keep the command")
        self._main.note_view()
        done = execution.run()
        if isinstance(done, Coroutine):
            await done  # before the keys that were typed after the command
        self._main.note_view()


async def _read_run(session: Session, run_id: RunId, _: None) -> None:
    await session.fetcher.fetch_run(run_id, Priority.SELECTED, max_wait_s=MAX_WAIT_S)
    await session.settle()


# What can be done with a pasted link: open its run, its error group or its tree, or copy its id.


LINK_REST_S: Final = 0.6
"""The run of a link is read once the user pauses, so that it is named before it is opened."""

MAX_WAIT_S: Final = 5.0
"""A request that would have to wait longer for the budget is not sent."""

_FINGERPRINT_CHARS: Final = 8
_KNOWN: Final[Line] = (Piece("Also accepted: run ids, trigger:// links, links to errors.", Token.FAINT),)


def link_choices(link: PastedLink, view: ViewScreen, linked_run: Selected[RunId, None]) -> Choices:
    """Name what a link leads to, and offer what can be done. Nothing is offered for another environment."""
    live, apply = view.live, partial(view.app_base.doors.show_address, view.app_base)
    environment = live.session.store.environment
    heading = (Piece(_heading(link), Token.FAINT),)
    if place := elsewhere(link, environment):
        return Choices(heading=heading, notes=_foreign(place, environment))
    if link.kind is LinkKind.ERROR:
        about = model.muted("all error groups of this environment; the one of the link is not selected")
        errors = _view("errors", ViewAddress(ERRORS), apply, about, _ENTER)
        return Choices([errors], first=0, heading=heading, notes=[_KNOWN])
    if link.kind is LinkKind.OTHER or link.run_id is None:
        return Choices(heading=heading, notes=[model.muted("This page cannot be shown here."), (), _KNOWN])
    run_id = link.run_id
    run = live.session.store.get(run_id)
    if run is not None and (run.state is None or run.is_gone):
        run = None
    copy = Choice("", "copy", model.muted("the id alone"), run=partial(view.clipboard.send, "id", run_id))
    linked_run.follow(run_id if run is None else None)
    if run is None and (failure := linked_run.failure_of(run_id)):
        said = (*model.muted("The server says: "), Piece(f"{without_request(failure)}.", Token.AMBER))
        return Choices([copy], heading=heading, notes=[said, (), _KNOWN])
    choices = [_view("open", ViewAddress(RUN, run=run_id), apply, _linked_line(run, link, environment), _ENTER)]
    if run is not None:
        choices += _around(run, live, apply)
    return Choices([*choices, copy], first=0, heading=heading, notes=[_KNOWN])


_ENTER: Final = model.muted("Enter")


def _heading(link: PastedLink) -> str:
    if not link.is_address:
        return "the id of a run"
    what = {LinkKind.RUN: "a run", LinkKind.ERROR: "an error group"}.get(link.kind, f"the page {link.what}")
    return f"a link to {what} of the dashboard" if link.host is not None else f"a link to {what}"


def _foreign(place: str, environment: Environment | None) -> list[Line]:
    ours = "" if environment is None else _words_of(environment)
    return [
        (Piece(f"It leads to {place}.", Token.AMBER),),
        model.muted(f"This monitor shows {ours}."),
        model.muted("Its key cannot read another environment, so the link cannot be opened."),
        (),
        _KNOWN,
    ]


def _words_of(environment: Environment) -> str:
    return f"{environment.slug} of {environment.organisation}/{environment.project}"


def _linked_line(run: Run | None, link: PastedLink, environment: Environment | None) -> Line:
    if run is None:
        return model.muted("this run, read from the server…")
    where = ", in this environment" if environment is not None and link.environment is not None else ""
    return (style_of(run).mark, Piece(" "), *model.run_line(run, 2, Token.MUTED), *model.muted(where))


def _around(run: Run, live: LiveModel, apply: model.Apply) -> list[Choice]:
    """Return the choices about the error group of a run, and about the runs around it."""
    found: list[Choice] = []
    error = run.error_value
    if error is not None and run.status.is_failed:
        from tui.features.errors.error import error_line  # noqa: PLC0415

        kind = kind_of(error)
        group = ViewAddress(RUNS, f"group:{kind.fingerprint[:_FINGERPRINT_CHARS]}")
        found.append(_view("errors", group, apply, (*model.muted("the runs of its group: "), *error_line(kind))))
    parent_id = run.fixed.parent_id
    if parent_id is not None or run.fixed.root_id not in {None, run.id}:
        parent = None if parent_id is None else live.get(parent_id)
        task = "" if parent is None else parent.fixed.task or ""
        tree = ViewAddress(RUN, run=run.id, pane="tree")
        above = model.muted(parent_id or run.fixed.root_id or "")
        found.append(_view("tree", tree, apply, (*model.muted("under "), Piece(f"{task} ", Token.TEXT), *above)))
    return found


def _view(name: str, address: ViewAddress, apply: model.Apply, sentence: Line, right: Line = ()) -> Choice:
    return Choice(address.words, name, sentence, right, run=partial(apply, address))


# The dialog of the command line: the field, and the box below it.


_FIELD_ROWS: Final = 3
"""The field, and an empty row above and below it."""

_OUTSIDE_ROWS: Final = 3
"""The rows above the dialog, and the keys below it."""

_LOADING_S: Final = 0.1
"""The first frame waits this long for the history."""


def _key_words() -> list[KeyWord]:
    choose = " ".join(filter(None, (key_of("previous-command", "↑"), key_of("next-command", "↓"))))
    words = [
        KeyWord("Enter", "accept", 1),
        KeyWord(key_of("take-completion", "Tab"), "complete", 2),
        KeyWord(choose, "choose", 3),
        KeyWord(key_of("search-history", "ctrl-r"), "history", 4),
        KeyWord("Esc", "leave", 0),
    ]
    return [word for word in words if word.key]


class CommandBox(Lines):
    """The lines below the field."""

    def __init__(self) -> None:
        super().__init__()
        self._box: list[BoxLine] = []

    def show_box(self, lines: list[BoxLine]) -> None:
        """Show other lines. The mark of the cursor makes its line differ from before, so that it is painted again."""
        self.styles.height = len(lines)
        self._box = lines
        self.show([each.line for each in lines])

    def background_at(self, y: int) -> Background:
        is_cursor = y < len(self._box) and self._box[y].is_cursor
        return Background.DIALOG_CURSOR if is_cursor else Background.DIALOG

    async def on_click(self, event: events.Click) -> None:
        event.stop()
        if event.y < len(self._box) and (row := self._box[event.y].row) is not None:
            await self.run_action(f"screen.choose_row({row})")


class CommandField(TextInput):
    """The field. The completion stands faint after the cursor; → at the end takes it.

    `G` in an empty line goes to the last command: no command begins with it. A binding would take the letter out of a
    typed text too.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        *(
            replace(each, key=f"{each.key},ctrl+{letter}")
            for letter, action in (("f", "cursor_right"), ("b", "cursor_left"))
            for each in TextInput.BINDINGS
            if isinstance(each, Binding) and each.action == action
        )
    ]

    def suggest(self, text: str) -> None:
        """Show the rest of a text after the cursor, if the cursor is at the end of what is typed."""
        # Textual's own suggestions are found by a worker, in another frame.
        self._suggestion = text

    def takes(self, event: events.Key) -> bool:
        """Return whether a printable key is text here."""
        return event.character != "G" or bool(self.value)

    async def on_key(self, event: events.Key) -> None:
        if not self.takes(event):
            event.stop()
            event.prevent_default()
            await self.run_action("screen.to_edge(True)")


class CommandLineScreen(PaintedDialog[model.Execution | None]):
    """Returns what Enter runs, or None. `is_loading` says whether the history is still being read."""

    CSS_PATH = "command_line.tcss"
    has_text_field: ClassVar[bool] = True
    BINDINGS: ClassVar[list[BindingType]] = [
        bind("escape", "leave", "back", "Go back without a command.", id="back"),
        bind("enter", "choose", "accept", "Run the line, with the choice under the cursor.", id="run-command"),
        bind("tab", "complete", "complete", "Insert the completion.", id="take-completion"),
        bind("down,ctrl+n", "step(1)", "down", "The next line.", id="next-command"),
        bind("up,ctrl+p,shift+tab", "step(-1)", "up", "The previous line.", id="previous-command"),
        bind("pagedown", "step(10)", "page down", "Ten lines on.", id="commands-down"),
        bind("pageup", "step(-10)", "page up", "Ten lines back.", id="commands-up"),
        bind("home", "to_edge(False)", "top", "Go to the first line, while nothing is typed.", id="first-command"),
        bind("end", "to_edge(True)", "bottom", "Go to the last line, while nothing is typed.", id="last-command"),
        bind("ctrl+r", "search_history", "history", "Search the commands that were run before."),
    ]

    def __init__(self, line: model.CommandLine, is_loading: Callable[[], bool]) -> None:
        super().__init__()
        self.line = line
        self._is_loading = is_loading
        self._input = CommandField()
        self._mark = Lines(Background.DIALOG, id="mark")
        self._box = CommandBox()
        self._edges = Lines(Background.DIALOG), Lines(Background.DIALOG)
        self._count = Lines(Background.DIALOG, id="count")
        self._keys = Lines(id="command-keys")
        self._top = self._height = 0
        self._opened_s = 0.0

    @property
    def is_preparing(self) -> bool:
        clock_s = self._box.app_base.session.clock.monotonic_s()
        return self._is_loading() and clock_s - self._opened_s < _LOADING_S

    def compose(self) -> ComposeResult:
        with Vertical(id="command-line", classes="ruled" if self._box.painter.needs_rules else ""):
            # The left edge needs no border: it is the edge of the terminal.
            yield DialogBorder()
            yield self._edges[0]
            with Horizontal():
                yield self._mark
                yield self._input
                yield self._count
            yield Lines(Background.DIALOG)
            yield self._box
            if self._box.painter.needs_rules:
                yield self._edges[1]
        yield self._keys

    def on_mount(self) -> None:
        self._opened_s = self._box.app_base.session.clock.monotonic_s()
        self._mark.show([(Piece("  "), Piece(": ", Token.ACCENT, is_bold=True))])
        # Not by message: when Enter follows a letter, the box must already show what fits that letter.
        self.watch(self._input, "value", self._on_typed, init=False)
        self._input.focus()
        self._show()

    def on_resize(self) -> None:
        self._show()

    def on_key(self, event: events.Key) -> None:
        if event.is_printable and event.character is not None and not self._input.has_focus:
            event.stop()
            if self._input.takes(event):
                self._input.insert_text_at_cursor(event.character)
            else:
                self.action_to_edge(is_end=True)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "to_edge":
            return not self._input.value  # else the keys move in the text
        return super().check_action(action, parameters)

    def action_step(self, lines: int) -> None:
        self.line.move(lines)
        self._show()

    def action_to_edge(self, is_end: bool) -> None:  # noqa: FBT001  a binding's parameter
        self.line.go_to(-1 if is_end else 0)
        self._show()

    def action_complete(self) -> None:
        if (text := self.line.completed()) is not None:
            self._type(text)

    def action_search_history(self) -> None:
        self.line.search_history()
        self._show()

    def action_choose(self) -> None:
        found = self.line.enter()
        if isinstance(found, str):
            self._type(found)
        elif found is not None:
            self.dismiss(found)

    def action_choose_row(self, row: int) -> None:
        self.line.go_to(row)
        self.action_choose()

    def action_leave(self) -> None:
        if self.line.end_search():
            self._show()
        else:
            self.dismiss(None)

    def update(self) -> None:
        """Show what was counted or read since the last key."""
        if self.is_attached:
            self.line.update()
            self._show()

    def _type(self, text: str) -> None:
        self.line.is_searching = False
        if self._input.value == text:
            self._on_typed(text)
        self._input.value = text
        self._input.cursor_position = len(text)

    def _on_typed(self, text: str) -> None:
        self.line.type(text)
        self._top = 0
        self._show()

    def _show(self) -> None:
        width, height = self.size.width, self.size.height
        if not width:
            return
        content = self.line.content()
        room = max(1, height - _OUTSIDE_ROWS - _FIELD_ROWS - self._box.painter.needs_rules)
        self._top = visible_top(content.cursor, self._top, len(content.found.choices))
        now = self._box.app_base.session.local_now()
        box_width = self._box.size.width or min(width, 84)
        lines = box_lines(content, box_width, room, top=self._top, now=now)
        # The box gets no smaller while the user types: what it covered would have to be sent again and again.
        self._height = len(lines) if self.line.is_link else min(room, max(self._height, len(lines)))
        self._box.show_box([*lines, *[BoxLine(())] * (self._height - len(lines))])
        self._input.suggest(self.line.suggestion)
        count: Line = (Piece("  "), Piece(content.found.words, Token.FAINT), Piece("  "))
        self._count.styles.width = line_width(count)
        self._count.show([count])
        for edge in self._edges:
            edge.show([(Piece("─" * width, Token.LINE),)] if self._box.painter.needs_rules else [])
        self._keys.show([footer_line(_key_words(), None, (), width)])


# The commands of the command line: every key that works now, and commands without a key.


_FIRST: Final = ("errors", "runs", "run", "sort", "views", "open", "server filters", "set", "theme", "messages")
"""The commands that are offered before anything is typed. Those that a view lacks are left out."""

_ENDS: Final = frozenset({"leave", "quit_level"})
"""The actions that may end the program."""

_MOTION: Final = frozenset(binding.id for binding in MOTION)

_ALIASES: Final[Mapping[str, tuple[str, ...]]] = {
    "leave": ("q", "quit", "exit"),
    "help": ("h", "help"),
    "browse": ("open",),
}
"""The aliases of a key's command, by its action."""


def form_commands(show_form: Callable[[str], object], forms: Mapping[str, str]) -> list[Command]:
    """Return a command for each form of a pane, by its title with its sentence."""
    return [Command(title, sentence, partial(show_form, title)) for title, sentence in forms.items()]


def commands_of(screen: Screen[Any], *, own: Sequence[Command]) -> list[Command]:
    """Return the commands of a view, then the keys of its focused pane and of the screen.

    `own` are the commands without a key, and those with arguments. A command that is also a key is listed once, with
    the arguments of the command and the letter of the key.
    """
    app = screen.app
    quits = partial(app.run_action, "leave_at_once")
    said = "Quit without asking; actions that are not sent yet are dropped."
    named = [*own, Command("q!", said, quits, aliases=("quit!",), ends_program=True)]
    live = live_keys(screen)
    owners = {alias: key.action for key in live for alias in _ALIASES.get(key.action, ())}
    # If two keys have the same word, prefer the one that works now, then the one that opens a view instead of a pane by
    # its number, then the one of the focused pane. `reversed` puts that one last into the dict, where the last one
    # wins.
    best_first = sorted(live, key=lambda key: (not key.works_now, key.id.startswith("pane-")))
    keys = {
        key.word: Command(
            key.word,
            f"{key.denial[:1].upper()}{key.denial[1:]}." if key.denial else key.binding.tooltip,
            partial(app.run_action, from_palette(key.action), key.node),
            " ".join(key.keys),
            _ALIASES.get(key.action, ()),
            is_idle=not key.works_now,
            ends_program=key.action in _ENDS,
        )
        for key in reversed(best_first)
        if key.id not in _MOTION and key.action != "palette" and owners.get(key.word, key.action) == key.action
    }
    merged = [
        replace(each, key=keys[each.name].key) if each.name in keys and not each.key else each
        for each in named
        if each.arguments is not None or each.name not in keys
    ]
    names = {each.name for each in merged}
    heads = {each.name for each in merged if each.arguments is not None}
    every = [
        replace(each, aliases=(*each.aliases, *filter(None, model.MEANT.get(each.name, "").split(","))))
        for each in (*merged, *(each for each in reversed(keys.values()) if each.name not in names))
    ]
    # `sort took` is what `sort` offers: it is found by its letters, and does not crowd the first lines.
    return sorted(every, key=lambda each: (_place(each), " " in each.name and each.name.partition(" ")[0] in heads))


def _place(command: Command) -> int:
    names = (command.name, *command.aliases)
    return next((place for place, name in enumerate(_FIRST) if name in names), len(_FIRST))
