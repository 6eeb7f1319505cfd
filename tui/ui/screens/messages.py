"""The page `:messages`: the failures of the session, the newest at the end.

It follows new messages while the cursor is at the end.
"""

from collections.abc import Sequence
from typing import ClassVar

from tui.present import formatting
from tui.present.frame.messages import message_lines, no_messages
from tui.present.styled import Line, Piece, Token
from tui.ui.data.live_model import LiveModel
from tui.ui.data.messages import Messages
from tui.ui.model.page_rows import PageRow
from tui.ui.screens.page_screen import PageScreen


class MessagesScreen(PageScreen):
    """Shows the messages, including those that are added while it is open."""

    title_word: ClassVar[str] = "messages"

    def __init__(self, live: LiveModel, messages: Messages) -> None:
        self._messages = messages
        self._shown = messages.added_count
        super().__init__(live)

    def rows(self, width: int) -> Sequence[PageRow]:
        now = self.live.session.local_now()
        if not len(self._messages):
            return [PageRow(line) for line in no_messages()]
        return [
            PageRow(line, key=(message.text, message.first_at, number))
            for message in self._messages
            for number, line in enumerate(message_lines(message, now, width))
        ]

    def right(self) -> Line:
        return (Piece(formatting.plural(len(self._messages), "message"), Token.TEXT),)

    def begin(self) -> None:
        self.call_after_refresh(self.page.action_bottom)

    def tick(self) -> None:
        super().tick()
        if self._messages.added_count == self._shown:
            return
        self._shown = self._messages.added_count
        is_at_end = self.page.cursor == len(self.page.rows) - 1
        self.page.rebuild()
        if is_at_end:
            self.page.action_bottom()
        self.show_rule()
