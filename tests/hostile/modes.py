"""The list of modes. A new one is a module here and a line in `MODES`."""

from tests.hostile.cases import Mode
from tests.hostile.poison_commands import PoisonCommands
from tests.hostile.poison_panes import PoisonPanes

MODES: tuple[Mode, ...] = (PoisonCommands(), PoisonPanes())
