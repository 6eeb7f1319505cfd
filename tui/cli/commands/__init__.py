"""The commands. Each module is named after its command, except two.

`print_runs` has `ls`, `show` and `tree`; `actions` has `cancel` and `replay`. `monitor` also has `demo`.
"""

from tui.cli.commands import actions, emulator, monitor, print_runs, relay, watch

COMMANDS = (
    *print_runs.COMMANDS,
    *watch.COMMANDS,
    *actions.COMMANDS,
    *monitor.COMMANDS,
    *emulator.COMMANDS,
    *relay.COMMANDS,
)

__all__ = ["COMMANDS"]
