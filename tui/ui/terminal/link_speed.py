"""The message that tells the app whether the link to the terminal is slow."""

from textual.message import Message


class LinkSpeedChanged(Message):
    """The driver has measured that the link became slow, or fast again."""

    def __init__(self, *, is_slow: bool) -> None:
        super().__init__()
        self.is_slow = is_slow
