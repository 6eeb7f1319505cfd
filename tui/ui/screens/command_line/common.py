"""The commands of every view: views with their arguments, colours, and settings that last until the program ends."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Final

from tui.settings import DEFAULT_INTERVAL_S, MIN_INTERVAL_S, MIN_PUBLIC_INTERVAL_S, Settings
from tui.settings.zones import LOCAL, zone_of
from tui.store.addresses.addressed_views import ERRORS, QUEUES, RUNS
from tui.store.addresses.view_address import ViewAddress
from tui.ui.data.command_line.run_numbers import RunNumbers
from tui.ui.look.palettes import ColorMode
from tui.ui.model.command_line.commands import Command
from tui.ui.model.command_line.value_arguments import OneOf, Setting, SettingArguments, Value
from tui.ui.model.command_line.view_arguments import RunArguments, ViewArguments
from tui.ui.screens.base import ViewScreen
from tui.ui.screens.messages import MessagesScreen
from tui.ui.views.keeping import show_views

MAX_INTERVAL_S: Final = 3600.0

UNTIL: Final = "until the program ends; not saved"

_THEMES: Final = {
    ColorMode.DARK: Value("dark", "Dark colours"),
    ColorMode.LIGHT: Value("light", "Light colours"),
    ColorMode.SIXTEEN: Value("16", "The terminal's own colours"),
}

Apply = Callable[[ViewAddress], object]


def common_commands(
    view: ViewScreen,
    numbers: RunNumbers,
    apply: Apply,
    problem: Callable[[ViewAddress], str | None],
    say: Callable[[str], None],
) -> list[Command]:
    """Return the commands, those with arguments first. `say` shows a notice."""
    live = view.live
    errors = ViewArguments(ERRORS, numbers, apply, problem)
    queues = ViewArguments(QUEUES, numbers, apply, problem)
    runs = ViewArguments(RUNS, numbers, apply, problem)
    setter = _Setter(view, say)
    themes = OneOf("NAME", tuple(_THEMES.values()), setter.use_theme, current=setter.theme, until=UNTIL)
    settings = SettingArguments(setter.settings(), setter.use, UNTIL)
    return [
        Command(ERRORS, "What fails, since when, in which version.", _nothing, arguments=errors),
        Command(QUEUES, "Why runs wait, and whether it ends by itself.", _nothing, arguments=queues),
        Command(RUNS, "The list, by task: status: tag: since: …", _nothing, arguments=runs),
        Command(
            "run",
            "One run, by its id, a part of it, or a link.",
            _nothing,
            arguments=RunArguments(live, numbers, apply),
        ),
        Command("theme", "Other colours: dark, light, 16.", _nothing, arguments=themes),
        Command("set", "interval, timezone or theme, until the program ends.", _nothing, arguments=settings),
        Command(
            "messages",
            "Errors and warnings of this session.",
            lambda: view.app.push_screen(MessagesScreen(live, view.app_base.messages)),
        ),
        Command("views", "Saved views: open, rename, delete.", partial(show_views, view)),
        *(
            Command(f"theme {value.name}", f"{value.sentence}.", partial(setter.use_theme, value.name), aliases=aliases)
            for value, aliases in zip(_THEMES.values(), (("dark",), ("light",), ("16 colours",)), strict=True)
        ),
    ]


def _nothing() -> None:
    """Stand for a command whose arguments do the work."""


class _Setter:
    """Changes settings of the running program. A changed config file replaces them again."""

    def __init__(self, view: ViewScreen, say: Callable[[str], None]) -> None:
        self._view = view
        self._say = say

    @property
    def _now(self) -> Settings:
        return self._view.live.session.settings

    @property
    def theme(self) -> str:
        """The name of the colours that are shown."""
        return str(self._view.app_base.painter.color_mode)

    def settings(self) -> dict[str, Setting]:
        """Return what may be set, by its name."""
        now = self._now
        return {
            "interval": Setting(
                "Seconds between two reads of the list",
                f"{now.interval_s:g}",
                [Value(name) for name in ("1", f"{DEFAULT_INTERVAL_S:g}", "5", "10", "30", "60")],
                self._interval_problem,
                lambda text: f"the list is read every {float(text):g} s",
            ),
            "timezone": Setting(
                "The zone of all clocks: UTC, local, Europe/Berlin …",
                now.timezone,
                [Value("UTC"), Value(LOCAL, "the zone of this machine")],
                _zone_problem,
                lambda text: f"all clocks show {text}",
            ),
            "theme": Setting(
                "The colours: dark, light, 16",
                self.theme,
                list(_THEMES.values()),
                lambda text: "" if text in _names() else f"theme is one of {' '.join(_names())}",
                lambda text: f"{text} colours",
            ),
        }

    def use(self, name: str, value: str) -> None:
        """Set one of the settings. The value has been checked."""
        settings = self._now
        match name:
            case "interval":
                self._view.app_base.change_settings(replace(settings, interval_s=float(value)))
            case "timezone":
                named = "UTC" if value.upper() == "UTC" else LOCAL if value.lower() == LOCAL else value
                self._view.app_base.change_settings(replace(settings, timezone=named, zone=zone_of(named)))
            case _:
                self.use_theme(value)
                return
        self._say(f"{name} {value} {UNTIL}")

    def use_theme(self, name: str) -> None:
        """Show other colours."""
        mode = next(mode for mode, value in _THEMES.items() if value.name == name)
        self._view.use_color_mode(mode)
        self._say(f"theme {name} {UNTIL}")

    def _interval_problem(self, text: str) -> str:
        least_s = MIN_PUBLIC_INTERVAL_S if self._now.key.is_public else MIN_INTERVAL_S
        try:
            interval_s = float(text)
        except ValueError:
            interval_s = 0.0
        is_possible = least_s <= interval_s <= MAX_INTERVAL_S
        return "" if is_possible else f"interval is {least_s:g} to {MAX_INTERVAL_S:g} seconds, not {text}"


def _names() -> list[str]:
    return [value.name for value in _THEMES.values()]


def _zone_problem(text: str) -> str:
    try:
        zone_of(text)
    except ValueError:
        return f"this machine knows no time zone {text}: UTC, local, Europe/Berlin"
    return ""
