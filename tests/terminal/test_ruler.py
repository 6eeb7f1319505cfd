"""The ruler for painted bytes gives the costs that were measured when the peers were measured."""

import json
from pathlib import Path
from typing import Any

import pytest
from pyte.screens import Char

from tests.perf.paint_cost import paint_cost

PAIRS: list[dict[str, Any]] = json.loads((Path(__file__).parents[1] / "perf" / "paint_pairs.json").read_bytes())
"""Ten pairs of screens at 80x24: rows of pieces, each a text and its style. A NUL is behind a wide character."""


def snapshot(rows: list[list[list[Any]]]) -> list[tuple[Char, ...]]:
    """Return the cells of stored rows."""
    return [tuple(Char(character.strip("\0"), *style) for text, *style in row for character in text) for row in rows]


@pytest.mark.parametrize("number", range(len(PAIRS)))
def test_paint_cost_is_that_of_the_stored_pair(number: int) -> None:
    pair = PAIRS[number]
    assert paint_cost(snapshot(pair["before"]), snapshot(pair["after"])) == pair["cost"]
