"""How a run changes: its status, its time of change, and when lists learn of it.

What lives here: the three that always go together. What changes when is `dispatch`'s, `attempts`' and `lifecycle`'s
matter.
"""

from tui.emulator.simulation.agenda import Agenda
from tui.emulator.simulation.ledger import Ledger
from tui.emulator.simulation.runs import Run
from tui.emulator.simulation.vocabulary import Word


class Changes:
    """Changes runs. `lag_ms`: how long lists may take to follow, at least and at most."""

    def __init__(self, agenda: Agenda, ledger: Ledger, lag_ms: tuple[int, int]) -> None:
        self.agenda = agenda
        self.ledger = ledger
        self.is_copying = False
        """Whether lists follow run by run; not while the history is made, which is copied as a whole."""
        self._lag_ms = lag_ms

    def to(self, run: Run, word: Word) -> int:
        """Give it a status; whatever was planned for it before is void. Gives the new turn."""
        run.status = word
        run.turn += 1
        self.touch(run)
        return run.turn

    def touch(self, run: Run) -> None:
        """It is another than before since now."""
        run.updated_ms = self.agenda.now_ms
        self.copy_later(run)

    def copy_later(self, run: Run) -> None:
        """Let lists see it as it is then, in a while."""
        if self.is_copying and not run.is_copying:
            run.is_copying = True
            low, high = self._lag_ms
            self.agenda.after(low + run.seed % (high - low + 1), self._copy, run)

    def _copy(self, run: Run) -> None:
        run.is_copying = False
        if run.number in self.ledger.by_number:
            self.ledger.copy(run)
