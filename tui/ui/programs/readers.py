"""The pager and the editor: which program it is, and a text in it while the screen is suspended."""

import shlex
from collections.abc import Callable, Mapping
from enum import Enum
from pathlib import PurePath

from tui.settings import Settings
from tui.ui.base import AppBase, call_soon
from tui.ui.programs.browser import outcome_words
from tui.ui.programs.foreground import path_of
from tui.ui.programs.text_file import text_file


class Reader(Enum):
    """A kind of program that shows a text. The value is its name in sentences."""

    PAGER = "pager"
    EDITOR = "editor"

    @property
    def variables(self) -> tuple[str, ...]:
        """The variables that name it, the first one first."""
        return ("PAGER",) if self is Reader.PAGER else ("VISUAL", "EDITOR")

    @property
    def usual(self) -> tuple[str, ...]:
        """The program that most machines have."""
        return ("less",) if self is Reader.PAGER else ("vi",)


def command_of(reader: Reader, settings: Settings, environ: Mapping[str, str]) -> tuple[str, ...]:
    """Return the command of the config file, otherwise that of the variables, otherwise the usual one.

    A config file that is not trusted has none. Raises `OSError` where the quotes of a variable do not end.
    """
    command = settings.pager if reader is Reader.PAGER else settings.editor
    if not command:
        name = next((each for each in reader.variables if environ.get(each, "").strip()), None)
        try:
            command = reader.usual if name is None else tuple(shlex.split(environ[name]))
        except ValueError as error:
            raise OSError(f"${name} cannot be read ({error})") from None
    if PurePath(command[0]).name == "less":
        # Without -F, with which a short text would be gone at once.
        command = (*command, "-+F")
    return command


async def read_outside(app: AppBase, reader: Reader, name: str, make: Callable[[], str]) -> None:
    """Show the text that `make` returns in the pager or the editor. `name` is that of its file.

    How it failed is said in the messages and the footer.
    """
    command: tuple[str, ...] = ()
    try:
        command = command_of(reader, app.session.settings, app.environ)
        path_of(command, app.environ)
        async with text_file(name, make) as path:
            code = await app.run_in_foreground((*command, str(path)))
    except OSError as error:
        report(app, f"The {reader.value} failed: {error.strerror or error}")
        return
    if code:
        report(app, f"The {reader.value} failed: {PurePath(command[0]).name}, {outcome_words(code)}")


def report(app: AppBase, sentence: str) -> None:
    """Put a sentence without its stop into the messages, and into the footer of the view. Callable in any task."""
    app.messages.add(app.session.now(), f"{sentence}.")

    def notify() -> None:
        from tui.present.styled import Piece, Token  # noqa: PLC0415  loaded with a failure
        from tui.ui.screens.painted import PaintedScreen  # noqa: PLC0415  it imports the clipboard

        if isinstance(app.screen, PaintedScreen):
            app.screen.notice((Piece(sentence, Token.AMBER),))

    call_soon(app, notify)
