"""Replaces names of people and companies that stand in a message without quotes: `for customer Acme Corp`."""

import re
from typing import Final

from tui.domain.errors.messages import vocabulary as words

_CAPITAL: Final = r"(?:[^\W\d_a-z]|[^\W\d_A-Z](?<=[^\x00-\x7f]))"
_MORE: Final = (
    r"(?:(?:\s+(?:&|and|und|et|y|e|de|du|des|del|dos|der|den|le|of|von|van|da|di|la|the)(?=\s+[A-Z])|\s+&)?\s+[^\W\d_a-z][\w.'’-]*"
    r"|,\s(?:Inc|Ltd|LLC|GmbH|Corp|Co|S\.?A|AG|PLC|SARL|BV|AB|SL|KG)\b\.?)"
)
"""Another word of a name of several words."""

_NAMES = re.compile(
    rf"\b(?P<noun>{words.ENTITY_NOUNS})(?P<gap>\s+(?:[^\w\s'\"`<({{\[:.,;„“«»‘「#-]+\s+)?)"
    rf"(?P<name>{_CAPITAL}[\w.'’&-]*{_MORE}*"
    r"|\w+(?:-\w+)*(?![@\w/\\=-]|\.\w))"
)
# `failed for Acme Corp: …`, `rejected by Priya Nair (…)`. A name of one word must have an end behind it.
_FOR_NAME = re.compile(
    rf" (?P<before>for|of|by|from|to|de|du|del|für|von|pour|para|por) "
    rf"(?P<name>(?P<first>{_CAPITAL}[\w'’&-]*)(?P<more>{_MORE}*))(?![\w'’/\\=@-]|\.\w|\s\(\d+\))"
)
# `for bucket acme-media`
_THING = re.compile(
    r"\b(bucket|container|pod|instance|hostname|device|repository|repo|database|project|branch|domain|site|channel|"
    r"namespace) (?!(?:read|write|not|out|in|re|pre|un|non|non-existent|time|client|server|self|sign|log|set)-)"
    r"[a-z\d]+(?:-[a-z\d]+)+(?![\w/.@:=-])"
)
_PREPOSITION = re.compile(
    r"\b(?:for|of|from|to|by|with|as|on|in|at|against|für|de|pour|para|den|der|dem|des)\s+(?:the\s|den\s|die\s)?\Z",
    re.IGNORECASE,
)
_AFTER_NAME = re.compile(
    r"[:;,.!?)\]]|\s*\Z|\s+(?:after|on|in|at|with|failed|because|from|has|is|was|does|could|cannot|not|konnte|wurde|"
    r"broke|lost|hit|ran|took|got|went|[a-z]+ed)\b|\s[^\w\s]"
)
_VERB_AFTER = re.compile(r"\s+(?:has|is|was|does|could|cannot|had|did|exceeded|reached|may not|must|ist|hat|wurde)\b")
_AFTER_ONE_WORD = re.compile(
    r"\s*\Z|[:,;)]\s|\s(?:failed|is|was|has|does|could|cannot|did|fue|ist|hat|konnte|wurde|a|after|because)\b|\s\("
)
_SENTENCE_NAME = re.compile(r"[A-Z]{2,}\Z|(?:Error|Exception|ID|Id|IDs|API|URL)\Z")


# `Stock of 📦 ACME-XL is low`: a name may follow a picture.
_PICTURED = re.compile(
    r"(\b(?:for|of|to|from|in|by|on|with) (?:\w+ )?[\u2600-\u27bf\U0001f000-\U0001faff]\ufe0f? )"
    rf"[^\s<>]+(?: \d[\w&.'-]*|{_MORE})*"
)


def replace_names(text: str) -> str:
    """Return a text with placeholders for the names after `customer`, `shop` and the like."""
    text = text if text.isascii() else _PICTURED.sub(rf"\1{words.NAME}", text)
    # The search takes 7 µs, and few messages contain a name.
    if not words.ENTITIES.isdisjoint(text.lower().replace("(", " ").replace("'", " ").replace('"', " ").split()):
        text = _NAMES.sub(_replace_name, text)
    text = _THING.sub(rf"\1 {words.NAME}", text) if "-" in text else text
    return _FOR_NAME.sub(_replace_owner, text)


def _replace_owner(match: re.Match[str]) -> str:
    """Replace a name after `for` or `of`, unless it is one of a service, of code or of a status."""
    first = match["first"]
    if (
        first.lower() in words.KNOWN_NAMES
        or (first.isascii() and first[1:] != first[1:].lower() and "'" not in first)
        or _SENTENCE_NAME.match(first)
        or not (match["more"] or _AFTER_ONE_WORD.match(match.string, match.end()))
    ):
        return match[0]
    return f" {match['before']} {words.NAME}"


def _replace_name(match: re.Match[str]) -> str:
    name = match["name"]
    first = name.split(None, 1)[0]
    if first.lower() in words.NOT_NAMES or _SENTENCE_NAME.match(first) or words.ADDRESS in name:
        return match[0]
    is_slug = name.isascii() and name.islower() and name.replace("-", "").isalpha()
    has_sign = match["gap"].strip() != ""
    is_heading = match.string.startswith(": ", match.end()) and first.lower() not in words.KNOWN_NAMES
    if is_slug and not has_sign and not is_heading and not _VERB_AFTER.match(match.string, match.end()):
        has_preposition = _PREPOSITION.search(match.string, max(match.start() - 12, 0), match.start())
        if not has_preposition or not _AFTER_NAME.match(match.string, match.end()):
            return match[0]
    return match["noun"] + match["gap"] + words.NAME
