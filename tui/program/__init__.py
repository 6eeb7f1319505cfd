"""The command line: `trigger-tui` and its commands.

A command turns its flags into calls of a session, and each error into one line on stderr and an exit code. Other
packages are imported inside the command that needs them, so that `--help` is fast and `ls` does not load Textual.
"""

# Nothing large is imported here: until `main` begins, Python prints a traceback of Ctrl-C.
import gc
import signal
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn


def main() -> "NoReturn":
    """Load the commands, and run the one that the user named: the console script."""
    # During the imports Ctrl-C ends the process at once.
    before = signal.signal(signal.SIGINT, signal.SIG_DFL)
    # The start creates many permanent objects. Without the garbage collector it takes a tenth less CPU; the session
    # enables it again.
    gc.disable()
    from tui.program import early  # noqa: PLC0415

    early.begin(sys.argv[1:])
    from tui.program.main import main as run  # noqa: PLC0415

    signal.signal(signal.SIGINT, before)
    run()


__all__ = ["main"]
