from tui.domain.error import RunError
from tui.domain.text import Raw
from tui.features.errors.error import error_lines
from tui.text.styled import plain


def test_later_lines_of_a_nameless_message_are_indented() -> None:
    lines = error_lines(RunError(message=Raw("broken\nstatus  Completed")), 60)
    assert [plain(line) for line in lines] == ["broken", "  status  Completed"]
