"""The list of modes. To add one, write a module here and a line in `MODES`."""

from tests.hostile.cases import Mode
from tests.hostile.file_mode import Files
from tests.hostile.http_mode import Http
from tests.hostile.poison_commands import PoisonCommands
from tests.hostile.poison_panes import PoisonPanes
from tests.hostile.random_mode import RandomUsers
from tests.hostile.relay_mode import Relays
from tests.hostile.terminal_mode import Terminals
from tests.hostile.transport_modes import SOCKS_MODE, TLS_MODE
from tests.hostile.type_ahead_mode import TypeAheads

MODES: tuple[Mode, ...] = (
    PoisonCommands(),
    PoisonPanes(),
    Relays(),
    Http(),
    TLS_MODE,
    SOCKS_MODE,
    Terminals(),
    Files(),
    TypeAheads(),
    RandomUsers(),
)
