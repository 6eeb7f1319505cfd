"""How far the read of what a pane shows has got, and what stands in the place of a value meanwhile."""

from datetime import timedelta
from enum import Enum, auto
from typing import Final

from tui.present.formatting import LOADING, NOT_READ

SHOW_READING_AFTER: Final = timedelta(seconds=0.5)
"""A read that takes longer is shown at the next second."""


class ReadStage(Enum):
    """Most reads take less than half a second: words about them would only flicker behind the cursor of the list."""

    DUE = auto()
    """Nothing was answered yet, and it is too early to say so: the place of a value is empty."""
    LATE = auto()
    """A read takes so long that the user should know."""
    DONE = auto()
    """It was answered, or it failed."""

    @property
    def words(self) -> str:
        """What stands for a value that was not read."""
        return {ReadStage.DUE: "", ReadStage.LATE: LOADING}.get(self, NOT_READ)
