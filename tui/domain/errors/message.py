"""Replaces what differs between two failures of one kind in an error's message."""

import re

from tui.domain.text import Raw

_DATA = re.compile(r"'[^'\n]*'|\"[^\"\n]*\"|\d+")


def normalise(message: Raw) -> Raw:
    """Return the message without ids, numbers, times, addresses and quoted data."""
    return Raw(_DATA.sub("#", message).strip())
