"""Errors that differ only in data are of one kind."""

import pytest

from tests.support.domain.labelled_errors import Score, labelled_errors, score


@pytest.mark.parametrize("name", ["labelled-1.jsonl"])
def test_kinds_agree_with_labels(name: str) -> None:
    assert score(labelled_errors(name)) == Score(1.0, 1.0)
