"""The bindings as a list for users: one entry an id, in the order of the table."""

from collections.abc import Iterator, Mapping, Sequence

from tui.lazy_dataclass import dataclass
from tui.settings.keys.check import ROWS
from tui.settings.keys.names import key_name
from tui.settings.settings import UNBIND


@dataclass(frozen=True, slots=True)
class ListedBinding:
    """One binding. `scope` is where it is first met; `keys` and `default` are as the config file writes them."""

    id: str
    scope: str
    keys: tuple[str, ...]
    default: tuple[str, ...]
    sentence: str


def listed_bindings(own: Mapping[str, tuple[str, ...]]) -> Iterator[ListedBinding]:
    """Yield all bindings. `own` are the user's keys by id."""
    for binding, (row, *_) in ROWS.items():
        default = tuple(map(key_name, row.keys))
        yield ListedBinding(binding, row.scopes[0], own.get(binding, default), default, row.sentence)


def keys_text(keys: Sequence[str]) -> str:
    """Return keys as one text."""
    return " ".join(keys) or UNBIND
