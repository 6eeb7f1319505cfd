"""Finds the names of people and companies that stand in a message without quotes: `for customer Acme Corp`."""

import re

from tui.domain.errors.messages import vocabulary as words

_NAMES = re.compile(
    rf"\b(?P<noun>{words.ENTITY_NOUNS})(?P<gap>\s+(?:[^\w\s'\"`<({{\[:.,;„“«»‘「#-]+\s+)?)"
    r"(?P<name>(?:[^\W\d_a-z]|[^\W\d_A-Z](?<=[^\x00-\x7f]))[\w.'’&-]*"
    r"(?:(?:\s+(?:&|and|und|et|y|e|de|du|des|del|dos|der|den|le|of|von|van|da|di|la|the)(?=\s+[A-Z])|\s+&)?\s+[^\W\d_a-z][\w.'’-]*"
    r"|,\s(?:Inc|Ltd|LLC|GmbH|Corp|Co|S\.?A|AG|PLC|SARL|BV|AB|SL|KG)\b\.?)*"
    r"|\w+(?:-\w+)*(?![@\w/\\=-]|\.\w))"
)
_PREPOSITION = re.compile(
    r"\b(?:for|of|from|to|by|with|as|für|de|pour|para|den|der|dem|des)\s+(?:the\s|den\s|die\s)?\Z", re.IGNORECASE
)
_AFTER_NAME = re.compile(
    r"[:;,.!?)\]]|\s*\Z|\s+(?:after|on|in|at|with|failed|because|from|has|is|was|does|could|cannot|not|konnte|wurde|"
    r"broke|lost|hit|ran|took|got|went|[a-z]+ed)\b|\s[^\w\s]"
)
_VERB_AFTER = re.compile(r"\s+(?:has|is|was|does|could|cannot|had|did|exceeded|reached|may not|must|ist|hat|wurde)\b")
_SENTENCE_NAME = re.compile(r"[A-Z]{2,}\Z|(?:Error|Exception|ID|Id|IDs|API|URL)\Z")


# `Stock of 📦 ACME-XL is low`: what a picture announces is a name.
_PICTURED = re.compile(
    r"(\b(?:for|of|to|from|in|by|on|with) (?:\w+ )?[\u2600-\u27bf\U0001f000-\U0001faff]\ufe0f? )"
    r"[^\s<>]+(?: (?:[^\W\d_a-z]|\d)[\w&.'-]*)*"
)


def replace_names(text: str) -> str:
    """Return a text with placeholders for the names after `customer`, `shop` and the like."""
    text = text if text.isascii() else _PICTURED.sub(rf"\1{words.NAME}", text)
    # The search takes 7 µs, and few messages contain a name.
    if words.ENTITIES.isdisjoint(text.lower().replace("(", " ").replace("'", " ").replace('"', " ").split()):
        return text
    return _NAMES.sub(_replace_name, text)


def _replace_name(match: re.Match[str]) -> str:
    name = match["name"]
    first = name.split(None, 1)[0]
    if first.lower() in words.NOT_NAMES or _SENTENCE_NAME.match(first) or words.ADDRESS in name:
        return match[0]
    is_slug = name.isascii() and name.islower() and name.replace("-", "").isalpha()
    has_sign = match["gap"].strip() != ""
    if is_slug and not has_sign and not _VERB_AFTER.match(match.string, match.end()):
        has_preposition = _PREPOSITION.search(match.string, max(match.start() - 12, 0), match.start())
        if not has_preposition or not _AFTER_NAME.match(match.string, match.end()):
            return match[0]
    return match["noun"] + match["gap"] + words.NAME
