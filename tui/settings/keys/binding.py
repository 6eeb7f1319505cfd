"""A row of the table of bindings."""

from typing import Final

from tui.lazy_dataclass import dataclass

EVERYWHERE: Final = "everywhere"
"""The scope of bindings that work in each screen, also while something is typed."""


@dataclass(frozen=True, slots=True)
class BindingRow:
    """What users know of a binding, in some of the scopes where it works.

    * `id`: its name in the config file
    * `keys`: its keys by default, as Textual names them
    * `scopes`: the views, panes and dialogs that declare it; `PLACES` says which are together
    * `writes`: it changes runs
    """

    id: str
    keys: tuple[str, ...]
    word: str
    sentence: str
    scopes: tuple[str, ...]
    writes: bool = False
