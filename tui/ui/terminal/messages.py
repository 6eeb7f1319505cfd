"""What the driver tells the app beside keys."""

from textual.message import Message


class LinkSpeedChanged(Message):
    """The link to the terminal was measured as slow, or as no longer slow.

    The driver posts it to the app. The app answers with `TerminalDriver.set_slow_profile`, unless the user chose.
    """

    def __init__(self, *, is_slow: bool) -> None:
        super().__init__()
        self.is_slow = is_slow
