"""The messages of the driver to the app, beside those of Textual."""

from textual import events
from textual.message import Message

from tui.ui.terminal.queries import Query


class LinkSpeedChanged(Message):
    """The link to the terminal was measured as slow, or as no longer slow.

    The driver posts it to the app. The app answers with `TerminalDriver.set_slow_profile`, unless the user chose.
    """

    def __init__(self, *, is_slow: bool) -> None:
        super().__init__()
        self.is_slow = is_slow


class TerminalTakenBack(Message, bubble=False):
    """The terminal was set up again after a shell or another program had it. Keys that follow may be older than that.

    The driver posts it to the app, and the app passes it to the screen that is shown, in order with the keys.
    """


class TerminalAnswer(Message):
    """An answer of the terminal to a query that Textual does not know. The driver keeps it."""

    def __init__(self, query: Query, text: str = "") -> None:
        super().__init__()
        self.query = query
        self.text = text


class JoinedKey(events.Key):
    """A key that came in one read of the terminal with others, or right behind one.

    `is_burst`: so many different keys are a paste without marks, or the rest of one. Otherwise a slow connection
    may have held up what a user typed.
    """

    def __init__(self, key: str, character: str | None, *, is_burst: bool) -> None:
        super().__init__(key, character)
        self.is_burst = is_burst


JoinedKey.handler_name = events.Key.handler_name  # it is a key for all that handle keys
