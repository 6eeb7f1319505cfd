"""The command line: `trigger-tui` and its commands.

A command turns its flags into calls of a session, and each error into one line on stderr and an exit code. Other
packages are imported inside the command that needs them, so that `--help` is fast and `ls` does not load Textual.
"""

import gc
import signal
from typing import NoReturn


def main() -> NoReturn:
    """Load the commands, and run the one that the user named: the console script."""
    # The start creates many permanent objects. Without the garbage collector it takes a tenth less CPU; the session
    # enables it again.
    gc.disable()
    # During the imports Ctrl-C ends the process at once, since Python would print a traceback.
    before = signal.signal(signal.SIGINT, signal.SIG_DFL)
    from tui.cli.main import main as run

    signal.signal(signal.SIGINT, before)
    run()


__all__ = ["main"]
