"""Tells names from ids: `users_email_key` is a name, `cus_oBg0TGXFsi5y4o` an id."""

import itertools
import re
from functools import lru_cache
from typing import Final

from tui.domain.errors.messages.letters import MAX_MEAN, MAX_PREFIXED_MEAN, is_drawn
from tui.domain.errors.messages.vocabulary import ID, NUMBER

_DIGITS = re.compile(r"\d+")
_SEGMENT = re.compile(r"[^./\[\]:\s-]+")
_HEX = re.compile(r"[0-9a-f]+\Z", re.IGNORECASE)
_PREFIXED = re.compile(r"(?:[A-Za-z][A-Za-z0-9]{0,11}[_-])+([A-Za-z0-9]+)\Z")
_CAMEL = re.compile(r"[A-Z]{0,4}[a-z]+(?:[A-Z]{1,4}[a-z]+)*[A-Z]{0,3}\Z")
# A migration: `20260301_add_vat`.
_DATED_NAME = re.compile(r"\d{3,14}(?:_[a-z]{2,})+\Z")
# Where the code ran: `linux-x64`.
_PLATFORM = re.compile(r"(?:linux(?:musl)?|darwin|win32|alpine)[-_](?:x64|arm64|arm|ia32|x86_64|amd64|aarch64)\Z")
# Words of the trade, whose digits are no data: `s3:PutObject`.
_TECHNICAL = re.compile(
    r"(?:s3|ec2|r2|sha-?\d+|md5|utf-?(?:8|16|32)|ipv[46]|http2|oauth2|base(?:32|58|64)|mp[34]|m4[av]|h26[45]|x64|x86|"
    r"arm64|amd64|u?int\d+|float\d+|k8s|b2[bc]|i18n|l10n|es\d{4}|p2p|x509|p12)\Z",
    re.IGNORECASE,
)
_MIN_HEX: Final = 6
_MIN_RANDOM: Final = 8
_MIN_MIXED: Final = 5
_MIN_LONG: Final = 16
_CACHED_WORDS: Final = 4_096


@lru_cache(_CACHED_WORDS)
def is_id(word: str) -> bool:
    """Return whether a word of letters and digits, perhaps with a prefix, was made by a machine."""
    if "." in word and not any(map(is_id, word.split("."))):
        return False  # the path of a property, such as `body.items.0.price`
    if _DATED_NAME.match(word) and not is_drawn(word):
        return False
    if _is_url_safe(word):
        return True
    prefixed = _PREFIXED.match(word)
    core = word if prefixed is None else prefixed[1]
    if not core.isascii():
        return False
    if core.isdigit():
        return len(core) >= _MIN_LONG or (prefixed is not None and len(core) >= _MIN_RANDOM)
    has_digits = _DIGITS.search(core) is not None
    is_random = _is_random_mix if has_digits else _is_random_letters
    return is_random(core, has_prefix=prefixed is not None)


def _is_random_letters(core: str, *, has_prefix: bool) -> bool:
    """Return whether a word without digits is an id, such as `KLGYvUtlcj`."""
    if core.isupper() or len(core) < _MIN_RANDOM:
        return False
    is_lower = core.islower()
    if is_drawn(core, MAX_PREFIXED_MEAN if has_prefix and not is_lower else MAX_MEAN) and (has_prefix or not is_lower):
        return True
    is_mixed = not core.islower() and _CAMEL.match(core) is None
    return (has_prefix and (is_mixed or _has_odd_humps(core))) or (len(core) >= _MIN_LONG and _has_odd_humps(core))


def _is_random_mix(core: str, *, has_prefix: bool) -> bool:
    """Return whether a word of letters and digits is an id, such as `QERPw432`."""
    if _HEX.match(core) is not None and len(core) >= _MIN_HEX:
        return True
    is_mixed = core != core.lower() and core != core.upper()
    if (is_mixed and is_drawn(core)) or (has_prefix and len(core) >= (_MIN_MIXED if is_mixed else _MIN_RANDOM)):
        return True
    digit_runs = len(_DIGITS.findall(core))
    if len(core) >= _MIN_LONG and (digit_runs > 1 or not core[-1].isdigit()):
        return True
    if len(core) < _MIN_RANDOM or digit_runs < 2:
        return False
    return digit_runs > 2 or _longest_letters(core) <= 4 or 2 * _case_changes(core) >= len(core)


def _is_url_safe(word: str) -> bool:
    """Return whether a word is an id of all letters, digits, `_` and `-`, such as `V1StGXR8_Z5jdHi6B-myT`."""
    bare = word.replace("_", "").replace("-", "")
    if len(bare) < _MIN_LONG or bare.islower() or bare.isupper() or not bare.isalnum() or not bare.isascii():
        return False
    return len(_DIGITS.findall(bare)) > 1 and _has_odd_humps(bare)


def _has_odd_humps(word: str) -> bool:
    """Return whether upper and lower case alternate faster than in a name such as `readUpload`."""
    return _case_changes(word) * 2.6 >= len(word)


def _case_changes(word: str) -> int:
    return sum(a.islower() != b.islower() for a, b in itertools.pairwise(word))


def _longest_letters(word: str) -> int:
    return max(map(len, _DIGITS.split(word)))


def is_technical(word: str) -> bool:
    """Return whether the digits of a word belong to its name: `s3`, `utf8`."""
    return _TECHNICAL.match(word) is not None


def normalise_word(word: str) -> str:
    """Return a word without its numbers, or `<id>` if it is an id."""
    if not any(map(str.isdigit, word)):
        return ID if is_id(word) else word
    if _PLATFORM.match(word):
        return ID
    if is_technical(word):
        return word
    if word.isdigit() and len(word) < _MIN_LONG:
        return NUMBER
    if is_id(word):
        return ID if len(word) >= _MIN_LONG or "_" in word or "-" in word else NUMBER
    return _DIGITS.sub(NUMBER, word)


def normalise_name(name: str) -> str:
    """Return a name of the code or the path of a property without the ids and numbers among its parts."""
    return _SEGMENT.sub(lambda match: normalise_word(match[0]), name)
