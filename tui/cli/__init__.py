"""The command line: `trigger-tui` and its commands.

What lives here: words and flags turned into a session's calls, errors turned into one line on stderr and an exit
code. A room is imported only inside the command that needs it, so that `--help` is quick and `ls` loads no screen.
Source: DESIGN §1.
"""

from tui.cli.main import main

__all__ = ["main"]
