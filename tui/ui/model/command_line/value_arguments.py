"""The arguments of `sort`, `theme` and `set`: one of a few values, or a name and its value."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from tui.present.command_line.box import BoxRow
from tui.present.styled import Line, Piece, Token
from tui.store.command_line.typed_word import fitting
from tui.ui.model.command_line.arguments import Choice, Choices, Preview


class Value(NamedTuple):
    """A value that can be chosen, and what it does."""

    name: str
    sentence: str = ""


class OneOf:
    """An argument that is one of a few values. `take` receives its name; `current` is the value that is set now."""

    def __init__(
        self, shown: str, values: Sequence[Value], take: Callable[[str], object], *, current: str = "", until: str = ""
    ) -> None:
        self.shown = shown
        self.are_needed = True
        self._values = values
        self._take = take
        self._current = current
        self._until = until

    def choices(self, text: str) -> Choices:
        names = fitting([each.name for each in self._values], text.strip())
        sentences = dict(self._values)
        choices = [Choice(name, BoxRow(name, _muted(sentences[name]), self._now(name))) for name in names]
        is_whole = text.strip().casefold() in names
        return Choices(choices, f"{len(names)} of {len(self._values)}", 0 if choices and not is_whole else None)

    def preview(self, text: str) -> Preview:
        value = self._value(text)
        if value is None:
            names = " ".join(each.name for each in self._values)
            return Preview((Piece(f"nothing: {self.shown.lower()} is one of {names}", Token.AMBER),), is_wrong=True)
        return Preview(_muted(" ".join(part for part in (value.sentence or value.name, self._until) if part)))

    def take(self, text: str) -> None:
        if (value := self._value(text)) is not None:
            self._take(value.name)

    def _value(self, text: str) -> Value | None:
        wanted = text.strip().casefold()
        return next((each for each in self._values if each.name.casefold() == wanted), None)

    def _now(self, name: str) -> Line:
        return (Piece("now", Token.FAINT),) if name == self._current else ()


class Setting(NamedTuple):
    """A setting that may be set while the program runs.

    `problem` says why a value cannot be set, "" if it can. `suggested` are values to choose from.
    """

    sentence: str
    current: str
    suggested: Sequence[Value]
    problem: Callable[[str], str]
    words: Callable[[str], str]


class SettingArguments:
    """A name and a value. `take` receives both. `until` says how long a value is in effect."""

    shown = "NAME VALUE"
    are_needed = True

    def __init__(self, settings: Mapping[str, Setting], take: Callable[[str, str], object], until: str) -> None:
        self._settings = settings
        self._take = take
        self._until = until

    def choices(self, text: str) -> Choices:
        name, space, part = text.lstrip().partition(" ")
        setting = self._settings.get(name.casefold())
        if not space or setting is None:
            names = fitting(self._settings, name)
            choices = [
                Choice(
                    f"{each} ",
                    BoxRow(each, _muted(self._settings[each].sentence), _muted(self._settings[each].current)),
                    is_open=True,
                )
                for each in names
            ]
            return Choices(choices, f"{len(names)} of {len(self._settings)} settings", 0 if choices else None)
        values = fitting([each.name for each in setting.suggested], part.strip())
        sentences = dict(setting.suggested)
        now: Line = (Piece("now", Token.FAINT),)
        rows = [
            Choice(f"{name} {each}", BoxRow(each, _muted(sentences[each]), now if each == setting.current else ()))
            for each in values
        ]
        is_typed = bool(part.strip()) and not setting.problem(part.strip())
        return Choices(rows, f"now {setting.current}", None if is_typed or not part.strip() else 0 if rows else None)

    def preview(self, text: str) -> Preview:
        name, _, value = text.strip().partition(" ")
        setting = self._settings.get(name.casefold())
        if setting is None:
            known = " ".join(self._settings)
            return Preview((Piece(f"nothing: what may be set is {known}", Token.AMBER),), is_wrong=True)
        value = value.strip()
        if not value:
            return Preview((Piece(f"nothing yet: {name} needs a value", Token.FAINT),), is_wrong=True)
        if problem := setting.problem(value):
            return Preview((Piece(f"nothing: {problem}", Token.AMBER),), is_wrong=True)
        return Preview(_muted(f"{setting.words(value)} {self._until}"))

    def take(self, text: str) -> None:
        name, _, value = text.strip().partition(" ")
        self._take(name.casefold(), value.strip())


def _muted(text: str) -> Line:
    return (Piece(text, Token.MUTED),) if text else ()
