"""What the terminal can show, as far as it changes which characters stand for a value."""

from typing import NamedTuple


class WallLook(NamedTuple):
    """`is_ascii`: only ASCII characters. `is_colorless`: shapes must show what colours would."""

    is_ascii: bool = False
    is_colorless: bool = False
