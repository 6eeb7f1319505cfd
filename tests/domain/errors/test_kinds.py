"""Errors that differ only in data are of one kind."""

import pytest

from tests.support.domain.labelled_errors import DATA, Score, labelled_errors, score

GOAL = 0.99


def test_kinds_equal_the_labels_of_the_first_file() -> None:
    assert score(labelled_errors("labelled-1.jsonl")) == Score(1.0, 1.0)


@pytest.mark.parametrize("name", sorted(path.name for path in DATA.iterdir()))
def test_kinds_agree_with_labels(name: str) -> None:
    found = score(labelled_errors(name))
    assert min(found) >= GOAL, found
