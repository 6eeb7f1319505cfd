"""Reduces JSON and printed objects in a message to the values that tell one kind of error from another.

These are the code, the type, the field and the sentence in `message`. Other data and the order of the keys are dropped.
An object without any of them is reduced to the names of its keys.
"""

import json
import re
from collections.abc import Callable
from typing import Any, Final

from tui.domain.errors.messages import vocabulary as words
from tui.domain.errors.messages.identity import is_id, normalise_name

MAX_DEPTH: Final = 6
MAX_ITEMS: Final = 50
MAX_OBJECTS: Final = 20
"""So many braces and brackets of a message are tried. The rest is text."""

MAX_PRINTED_CHARS: Final = 4_000
"""An object that util.inspect printed is read up to this length."""

MAX_SHOWN_CHARS: Final = 4_000
"""Once a message is so long without its data, further objects are text: less than that tells kinds apart."""

_START = re.compile(r"\{(?=\s*[\"'\w$}\[])|(?<![\w$)\]])\[(?=\s*[\[{\"\]\d-])")
_PAIR = re.compile(
    r"(?:[{,\n]|\A)[^\S\n]*+(?:[+~?]\s*)?[\"']?(?P<key>[A-Za-z_$][\w$-]*)[\"']?\s*:\s*"
    r"(?P<value>\"(?:[^\"\\\n]|\\.)*\"|'(?:[^'\\\n]|\\.)*'|`[^`\n]*`|[^\s,{}\[\]]+)?"
)
_SENTENCE = re.compile(r"\n(?=[A-Z][a-z]+ )")
_SEPARATORS = re.compile(r"[_\-\s]")
_NAME_OF_ERROR = re.compile(r"\w*(?:Error|Exception|Fault)\Z")
_CODE_LIKE = re.compile(r"[\w.:/\[\]@$ -]{1,80}\Z")
_TYPE_URL = re.compile(r"(?:https?|urn|tag):[^\s]+\Z")
_QUOTES: Final = frozenset("'\"`")
_ERROR_LISTS: Final = frozenset({"errors", "messages", "fielderrors", "formerrors", "violations"})
_decode = json.JSONDecoder(strict=False).raw_decode

Normalise = Callable[[str], str]


def replace_objects(text: str, normalise_text: Normalise, normalise: Normalise) -> str:
    """Return a message with its objects in their canonical form.

    `normalise_text` is applied to the text between objects, `normalise` to the sentences inside them.
    """
    parts: list[tuple[str, str]] = []
    at = searched = 0
    for _ in range(MAX_OBJECTS):
        match = _START.search(text, searched)
        if match is None or sum(len(shown) for shown, _ in parts) > MAX_SHOWN_CHARS:
            break
        found = _read(text, match.start(), normalise)
        if found is None:
            searched = match.end()
            continue
        identity, keys, end = found
        quote = text[match.start() - 1 : match.start()]
        if identity is None and quote in _QUOTES and text[end : end + 1] == quote and match.start() > at:
            # A printed value: `for value "{ a: 1 }"`.
            parts.append((normalise_text(text[at : match.start() - 1]) + words.QUOTED, ""))
            at = searched = end + 1
            continue
        parts += [(normalise_text(text[at : match.start()]), ""), (identity or "", keys)]
        at = searched = end
    # An object that only has data needs the names of its keys if no other one tells what happened.
    is_told = any(shown and keys for shown, keys in parts)
    shown_parts = [shown or (("{…}" if is_told else keys) if keys else "") for shown, keys in parts]
    return "".join([*shown_parts, normalise_text(text[at:])])


def _read(text: str, start: int, normalise: Normalise) -> tuple[str | None, str, int] | None:
    """Return the identity of the object at `start`, the names of its keys, and its end; None if there is no object."""
    try:
        value, end = _decode(text, start)
    except (ValueError, RecursionError):
        return _read_printed(text, start, normalise) if text[start] == "{" else None
    return _identity(value, normalise, 0), _keys(value), end


def _keys(value: Any) -> str:
    if isinstance(value, dict) and value:
        return "{" + ", ".join(sorted({normalise_name(str(key)) for key in list(value)[:MAX_ITEMS]})) + "}"
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return f"[{_keys(value[0])}]"
    return "[…]" if isinstance(value, list) else "{}"


def _identity(value: Any, normalise: Normalise, depth: int) -> str | None:
    """Return the part of a value that identifies the error; None if there is none."""
    if depth > MAX_DEPTH:
        return None
    if isinstance(value, list):
        kept = {each for item in value[:MAX_ITEMS] if (each := _identity(item, normalise, depth + 1)) is not None}
        return f"[{', '.join(sorted(kept))}]" if kept else None
    if not isinstance(value, dict):
        return None
    pairs = [(str(key), item) for key, item in list(value.items())[:MAX_ITEMS]]
    parts = sorted(part for key, item in pairs if (part := _pair(key, item, normalise, depth)) is not None)
    return f"{{{', '.join(parts)}}}" if parts else None


def _pair(key: str, value: Any, normalise: Normalise, depth: int) -> str | None:
    name = _SEPARATORS.sub("", key).lower()
    if isinstance(value, str) and name in words.SENTENCE_KEYS:
        # A message may itself be JSON, escaped.
        return f"{key}: {normalise(value)}" if value else None
    if name in words.IDENTITY_KEYS:
        kept = _scalar(name, value)
        return None if kept is None else f"{key}: {kept}"
    if name in _ERROR_LISTS and (told := _sentences(value, normalise, depth)) is not None:
        return f"{key}: {told}"
    if name == "name":
        return f"{key}: {value}" if isinstance(value, str) and _NAME_OF_ERROR.match(value) else None
    inner = _identity(value, normalise, depth + 1)
    return None if inner is None else f"{key}: {inner}"


def _sentences(value: Any, normalise: Normalise, depth: int) -> str | None:
    """Return a list of sentences, or the fields of `{"email": ["is taken"]}` with theirs; None for something else."""
    if depth > MAX_DEPTH:
        return None
    if isinstance(value, dict) and value:
        items = list(value.items())[:MAX_ITEMS]
        told = {normalise_name(str(key)): _sentences(item, normalise, depth + 1) for key, item in items}
        return None if None in told.values() else f"{{{', '.join(sorted(f'{key}: {told[key]}' for key in told))}}}"
    texts = value if isinstance(value, list) else [value]
    if not texts or not all(isinstance(text, str) for text in texts):
        return None
    return ", ".join(sorted({normalise(text) for text in texts[:MAX_ITEMS]}))


def _scalar(name: str, value: Any) -> str | None:
    """Return the value of a key that identifies an error; None if it is data all the same."""
    if isinstance(value, list):
        parts = [part for item in value[:MAX_ITEMS] if (part := _scalar(name, item)) is not None]
        return ".".join(parts) if parts else None
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, int | float):
        is_property = name in {"path", "loc", "location", "pointer", "instancepath", "datapath"}
        return words.NUMBER if is_property else f"{value:g}"
    if not isinstance(value, str) or not value:
        return None
    if name == "path" and value.startswith("/"):
        return None
    if _TYPE_URL.match(value):
        return value
    if not _CODE_LIKE.match(value):
        return None
    if name in {"code", "errorcode", "errcode", "sqlstate", "errno", "constraint", "table", "column", "subcode"}:
        return words.ID if is_id(value) and name not in {"constraint", "table", "column"} else value
    return normalise_name(value)


def _read_printed(text: str, start: int, normalise: Normalise) -> tuple[str | None, str, int] | None:
    """Read an object as util.inspect prints it, or JSON that was cut: its pairs of keys and simple values."""
    end, is_closed = _closing(text, start)
    pairs = list(_PAIR.finditer(text[start:end]))
    if not pairs:
        return None
    if not is_closed and (sentence := _SENTENCE.search(text, start + pairs[-1].end(), end)) is not None:
        end = sentence.start()
    parts: set[str] = set()
    for pair in pairs[:MAX_ITEMS]:
        value = _unquoted(pair["value"] or "")
        part = _pair(pair["key"], value, normalise, MAX_DEPTH) if value != "" else None
        if part is not None:
            parts.add(part)
    keys = {normalise_name(pair["key"]) for pair in pairs[:MAX_ITEMS]}
    return (f"{{{', '.join(sorted(parts))}}}" if parts else None), f"{{{', '.join(sorted(keys))}}}", end


def _closing(text: str, start: int) -> tuple[int, bool]:
    """Return the index after the brace that closes the one at `start`, or of the end of what is read if none does."""
    depth = 0
    limit = min(len(text), start + MAX_PRINTED_CHARS)
    quote = ""
    index = start
    while index < limit:
        character = text[index]
        if quote:
            if character == "\\":
                index += 1
            elif character in (quote, "\n"):
                quote = ""
        elif character in '"`' or (character == "'" and not text[index - 1].isalnum()):
            quote = character
        elif character in "{[":
            depth += 1
        elif character in "}]":
            depth -= 1
            if depth == 0:
                return index + 1, True
        index += 1
    return limit, False


def _unquoted(value: str) -> Any:
    if value[:1] in {'"', "'", "`"}:
        return value[1:-1]
    if re.fullmatch(r"-?\d{1,15}", value):
        return int(value)
    return "" if value in {"null", "undefined", "true", "false"} else value
