"""The widget for the titled rule above a pane."""

from textual.strip import Strip

from tui.present.frame.rule import RuleText, rule_line
from tui.ui.widgets.lines import LineWidget


class Rule(LineWidget):
    """The rule above a pane."""

    def __init__(self) -> None:
        super().__init__(classes="rule")
        self._text = RuleText()

    @property
    def text(self) -> RuleText:
        """The text that is shown now."""
        return self._text

    def show(self, text: RuleText) -> None:
        """Show a text. The rule is repainted if it differs."""
        if text != self._text:
            self._text = text
            self.refresh()

    def strip_at(self, y: int) -> Strip:  # noqa: ARG002  it has one line
        line = rule_line(self._text, self.size.width, is_colorless=self.painter.is_colorless)
        return self.painter.strip(line, self.size.width)
