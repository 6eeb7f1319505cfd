"""All bindings, so that their keys can be checked and listed without Textual.

`python -m tests.support.binding_table` writes `key_table.json` from the live bindings, and a test compares the two.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from tui.settings.keys import BindingRow

_TABLE: Final = json.loads(Path(__file__).with_suffix(".json").read_text(encoding="utf-8"))

TEXT_KEYS: Final[tuple[str, ...]] = tuple(_TABLE["text keys"])
"""Keys that edit a text."""

TEXT_PLACES: Final[tuple[str, ...]] = tuple(_TABLE["text places"])
"""Places where letters are text."""

PLACES: Final[Mapping[str, tuple[str, ...]]] = {place: tuple(scopes) for place, scopes in _TABLE["places"].items()}
"""Where keys work, and the scopes whose keys work there."""

BINDINGS: Final = tuple(
    BindingRow(each["id"], tuple(each["keys"]), each["word"], each["sentence"], tuple(each["scopes"]), each["writes"])
    for each in _TABLE["bindings"]
)
