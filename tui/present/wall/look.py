"""The abilities of the terminal that change which characters stand for a value."""

from typing import NamedTuple


class WallLook(NamedTuple):
    """`is_ascii`: only ASCII characters. `is_colorless`: shapes must stand for colours."""

    is_ascii: bool = False
    is_colorless: bool = False
