"""A shell of one job: `python -m tests.hostile.random_user.shell COMMAND…`.

It runs the command in the foreground of its terminal. When that stops, the shell writes over the screen, prints a
prompt, and continues it after a line of input. It ends as the command does.
"""

import os
import signal
import sys

PROMPT = "stopped$ "
SCRIBBLE = "\x1b[2;3H\x1b[41mscribble\x1b[0m\x1b[5;9r\x1b[?25h\r\n" * 3
"""What other programs have left on the screen: texts, and margins."""


def main(command: list[str]) -> int:
    """Run a command as a job. Return its exit code, negative if a signal has ended it."""
    job = os.fork()
    if job == 0:
        os.setpgid(0, 0)
        _take_terminal(os.getpgrp())
        os.execvp(command[0], command)
    while True:
        _, status = os.waitpid(job, os.WUNTRACED)
        if not os.WIFSTOPPED(status):
            return os.waitstatus_to_exitcode(status)
        _take_terminal(os.getpgrp())
        os.write(1, f"{SCRIBBLE}{PROMPT}".encode())
        os.read(0, 1024)
        _take_terminal(job)
        os.killpg(job, signal.SIGCONT)


def _take_terminal(group: int) -> None:
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTTOU})
    os.tcsetpgrp(0, group)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTTOU})


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
