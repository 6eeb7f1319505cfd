"""The lines of the dialog in which columns are chosen."""

import pytest

from tui.features.columns.dialog import foot_lines
from tui.text.styled import plain


@pytest.mark.parametrize("has_paths", [False, True])
def test_keys_of_columns_are_whole_at_any_width(has_paths: bool) -> None:
    words = [plain(line).split("   ")[1:] for line in foot_lines(76, has_paths=has_paths)]
    assert ["r reset" in row for row in words] == [False, True, *[False] * (2 + has_paths)]
    assert words[-2] == ["Enter keep", "Esc back"]
    narrow = [plain(line) for line in foot_lines(56, has_paths=has_paths)]
    assert all(len(line) <= 56 for line in narrow)
    assert [key for line in narrow for key in line.split("   ")[1:]] == [key for row in words for key in row]
