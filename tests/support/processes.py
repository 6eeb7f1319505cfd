"""Waits for processes of which a test knows only the id."""

import os
import select

from tests.perf.terminal import PATIENCE_S


def await_end(process_id: int) -> None:
    """Wait until a process has ended, also one that is no child."""
    try:
        ended = os.pidfd_open(process_id)
    except ProcessLookupError:
        return
    try:
        assert select.select([ended], [], [], PATIENCE_S)[0] == [ended]
    finally:
        os.close(ended)
