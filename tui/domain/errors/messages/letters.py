"""Tells letters that a machine drew, such as `KLGYvUtlcj`, from the words of languages and of code."""

from functools import lru_cache
from itertools import pairwise
from string import ascii_lowercase
from typing import Final

_FREQUENT: Final = """
    04540130402646040656322130
    63436000530730520452500040
    60326005405410710426400020
    52247320710412500452410020
    41563330200446132665132410
    50235520700511610544500030
    51107145500435410552401011
    60127100600322600424400020
    33544340000547530455040203
    60206000504020630252603020
    50137221600504320263304020
    60247100600601620144310050
    64017000602231560043400010
    51555360402213420156330010
    23452230202557440644534000
    60126103500511550645401040
    22032000000403000342902000
    61347230602343520454321030
    40426115602322440157502030
    50327105700321520554301040
    45434330400546250655000000
    60208200600010510001010000
    71036205600305500551112200
    53536313600341360126200331
    32435310500456460266024023
    60008100600112500013000033
"""
"""How often a letter (row) is followed by another (column) in English and in names of code: 0 never, 9 nearly always.

Counted in the words of three or more files of Python's library and of this repository, on a logarithmic scale.
"""

_PAIRS: Final = {
    first + second: int(level)
    for first, row in zip(ascii_lowercase, _FREQUENT.split(), strict=True)
    for second, level in zip(ascii_lowercase, row, strict=True)
}
_MIN_LETTERS: Final = 8
MAX_MEAN: Final = 3.5
"""Of words with 8 letters 1 in 800 is below it, of drawn letters 85 %; of words with 10 letters none, and 90 %."""

MAX_PREFIXED_MEAN: Final = 4.3
"""For what follows a prefix, as in `inv_hecxMoZEposqZK`."""

_MIN_MIXED: Final = 6
_MIN_PAIRS: Final = 3
_CACHED_WORDS: Final = 4_096


@lru_cache(_CACHED_WORDS)
def is_drawn(word: str, max_mean: float = MAX_MEAN) -> bool:
    """Return whether the letters of a word follow each other as in no word. Digits and signs are skipped.

    A word in upper and lower case that has digits may be shorter: `QERPw432`.
    """
    if not word.isascii() or len(word) < (_MIN_LETTERS if word.isalpha() else _MIN_MIXED):
        return False
    # The step from `load` to `Order` in `loadOrder` says nothing.
    pairs = [
        (first + second).lower()
        for first, second in pairwise(word)
        if first.isalpha() and second.isalpha() and not (first.islower() and second.isupper())
    ]
    if len(pairs) < _MIN_PAIRS:
        return False
    return sum(map(_PAIRS.__getitem__, pairs)) < max_mean * len(pairs)
