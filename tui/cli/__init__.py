"""The command line: `trigger-tui` and its commands.

What lives here: words and flags turned into a session's calls, errors turned into one line on stderr and an exit
code. A room is imported only inside the command that needs it, so that `--help` is quick and `ls` loads no screen.
Source: DESIGN §1.
"""

import signal
from typing import NoReturn


def main() -> NoReturn:
    """The console script: load the commands, and run the one that was asked for."""
    # Until the commands are loaded a Ctrl-C simply ends the process: inside an import it would print a traceback.
    before = signal.signal(signal.SIGINT, signal.SIG_DFL)
    from tui.cli.main import main as run

    signal.signal(signal.SIGINT, before)
    run()


__all__ = ["main"]
