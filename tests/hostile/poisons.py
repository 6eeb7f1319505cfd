"""The poisons: hostile values for one field of a response.

A poison is a fragment of the JSON text, so it may be invalid. Text poisons begin with the marker of their case.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from tests.hostile.response_fields import Field

Write = Callable[[str, bytes, str], bytes]
"""Maps the marker, the old value as JSON, and the key ("" in a list) to the fragment."""

HUGE = 1_000_000
DEEP = 300
TOO_DEEP = 100_000


class Family(Enum):
    """The kind of attack."""

    TEXT = "control characters"
    SHAPE = "another type than recorded"
    NUMBER = "numbers beyond all bounds"
    TIME = "impossible times"
    DROP = "the key is missing"
    KEY = "an additional key of control characters"


@dataclass(frozen=True, slots=True)
class Poison:
    """One poison. `write` is None if the key is removed."""

    name: str
    family: Family
    write: Write | None

    def fits(self, field: Field) -> bool:
        """Whether the poison makes sense for a field."""
        match self.family:
            case Family.TEXT:
                return field.is_text
            case Family.NUMBER:
                return "number" in field.types or field.is_text
            case Family.TIME:
                return field.is_time or "number" in field.types
            case Family.KEY:
                return "object" in field.types
            case Family.SHAPE | Family.DROP:
                return True


TEXTS: dict[str, str] = {
    "osc-title": "\x1b]0;owned\x07",
    "osc-others": "\x1b]2;owned\x1b\\\x1b]52;c;ZXZpbA==\x07\x1b]8;;file:///etc/passwd\x1b\\here\x1b]8;;\x1b\\",
    "strings": '\x1bP$q"p\x1b\\\x1bPq#0;2;0;0;0#0~~@@vv\x1b\\\x1b_Gf=24;AAAA\x1b\\\x1b^private\x1b\\\x1bXstring\x1b\\',
    "csi-others": "\x1b[31;7;5m\x1b[?1049l\x1b[?1000h\x1b[?25l\x1b[6n\x1b[c\x1b[21t\x1b[>q\x1b[4h\x1b[20l",
    "esc": "\x1bc\x1b(0lqk\x0e",
    "c1-others": "\x9d0;owned\x9c\x90q\x9c\x98\x9e\x9f",
    "c0": "\x00after\x07\x07\x0b\x0c\t\t\x7f\x7f" + "\b" * 40 + "forged",
    "bidi-others": "\u202a\u202b\u202d\u200e\u200f\u061c\u2066\u2067\u2068\u2069",
    "unseen": "☎\ufe0f\ufe0e✈\ufe0f\U000e0100\U000e0001\U000e0041\U000e007f\u3164\u115f\u1160\uffa0\u2800\u00ad",
    "unassigned": "\ufff9a\ufffab\ufffb\ufffc\ufffe\uffff\ufdd0\U0010ffff\ue000\U000f0000",
    "scripts": "שלום abc 123 مرحبا ｱｲｳﾊﾟﾞ क्षि நி ক্ষ" + "\u1112\u1161\u11ab" * 20 + "น้ำ" * 30,
    "markup-others": "[@click=app.quit]quit[/][link=file:///etc/passwd]x[/link] [/] \\[:smile: :warning:",
    "formats": "%s%n%(x)s{0}{x!r}{$(reboot)`id`;rm -rf /",
    "osc-unended": "\x1b]0;",
    "csi-clear": "\x1b[2J\x1b[H",
    "c1-csi": "\x9b31m\x9b2J",
    "cr": "\rforged-line",
    "crlf": "\r\nforged-line",
    "newlines": "\nforged-line" * 200,
    "nel": "\x85forged-line",
    "line-separators": "\u2028forged-line\u2029forged-line",
    "bidi-override": "\u202egnp.exe\u202c",
    "zwj": "\U0001f468\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466",
    "zwj-flood": "\u200d" * 500,
    "zero-width-flood": "\u200b\u200c\u2060\ufeff" * 300,
    "combining-flood": "e" + "\u0301\u0300\u0489" * 300,
    "surrogate-high": "\ud83d",
    "surrogate-low": "\udc00x",
    "surrogates-swapped": "\udc00\ud83d",
    "wide": "漢字仮名" * 60,
    "ambiguous": "±§¶÷×°·“”…→█▌○●" * 10,
    "emoji": "🙂👍🏽🏳️‍🌈🇩🇪1️⃣",
    "markup": "[red]x[/red][bold",
    "json": '","status":"COMPLETED","x":"',
    "spaces": " " * 300,
    "no-spaces": "W" * 5000,
    "path": "../../../../etc/passwd",
    "address": "https://user:secret@example.invalid/?a=b#c",
    "dot-segments": "/../..//?x=y#z",
    "huge": "A" * HUGE,
    "huge-lines": "x\n" * 50_000,
    "huge-wide": "漢" * 100_000,
}
"""The text after the marker, by name."""

KEYS = (
    "csi-clear",
    "osc-title",
    "c1-csi",
    "bidi-override",
    "newlines",
    "zwj-flood",
    "surrogate-high",
    "markup",
    "huge",
)
"""Texts that are used as keys too, since users choose the keys of attributes, metadata and payloads."""

BYTES: dict[str, bytes] = {
    "bytes-latin-1": b"caf\xe9",
    "bytes-invalid": b"\xff\xfe\x80",
    "bytes-overlong": b"\xc0\xaf\xe0\x80\xaf",
    "bytes-surrogate": b"\xed\xa0\x80",
    "bytes-raw-esc": b"\x1b[2J",
    "bytes-raw-newline": b"\nforged-line",
    "bytes-bad-escape": b"\\x1b[2J",
    "bytes-half-escape": b"\\ud83d\\u00",
}
"""The raw bytes after the marker, which are invalid UTF-8 or invalid JSON."""

SHAPES: dict[str, bytes] = {
    "number": b"7",
    "null": b"null",
    "true": b"true",
    "list": b"[]",
    "object": b"{}",
    "list-of-lists": b"[[[]], {}, null, 1]",
    "empty-text": b'""',
    "text": b'"text"',
    "text-number": b'"12"',
    "deep": b"[" * DEEP + b"]" * DEEP,
    "deep-objects": b'{"children":[' * DEEP + b"]}" * DEEP,
    "too-deep": b"[" * TOO_DEEP + b"]" * TOO_DEEP,
    "many-nulls": b"[" + b"null," * 20_000 + b"null]",
    "many-keys": b"{" + b",".join(b'"k%d":%d' % (n, n) for n in range(5_000)) + b"}",
    "nothing": b"",
    "half": b'{"a":',
}
NUMBERS: dict[str, bytes] = {
    "negative": b"-1",
    "fraction": b"0.1",
    "negative-zero": b"-0.0",
    "2-to-53": b"9007199254740993",
    "2-to-63": b"9223372036854775808",
    "400-digits": b"1" + b"0" * 400,
    "4301-digits": b"9" * 4301,
    "float-overflow": b"1e999",
    "float-large": b"1.7976931348623157e308",
    "float-small": b"5e-324",
    "nan": b"NaN",
    "infinity": b"Infinity",
    "minus-infinity": b"-Infinity",
    "text-nan": b'"NaN"',
    "text-infinity": b'"-Infinity"',
    "text-exponent": b'"1e400"',
}
TIMES: dict[str, bytes] = {
    "year-1": b'"0001-01-01T00:00:00.000Z"',
    "year-1-east": b'"0001-01-01T00:00:00.000+14:00"',
    "year-1900": b'"1900-01-01T00:00:00.000Z"',
    "year-1970": b'"1970-01-01T00:00:00.000Z"',
    "year-2262": b'"2262-04-11T23:47:16.854775808Z"',
    "year-9999": b'"9999-12-31T23:59:59.999Z"',
    "year-9999-west": b'"9999-12-31T23:59:59.999-14:00"',
    "year-99999": b'"99999-01-01T00:00:00.000Z"',
    "year-minus-1": b'"-0001-01-01T00:00:00.000Z"',
    "february-30": b'"2026-02-30T00:00:00.000Z"',
    "second-60": b'"2026-11-24T23:59:60Z"',
    "zone-99": b'"2026-11-24T14:00:00+99:99"',
    "no-zone": b'"2026-11-24T14:00:00"',
    "nanoseconds": b'"2026-11-24 13:43:48.172000000"',
    "18-digits": b'"2026-11-24T14:00:00.123456789123456789Z"',
    "ns-text": b'"1795529820000000000"',
    "ns-overflow": b'"99999999999999999999999999"',
    "ns-negative": b'"-62135596800000000001"',
    "ms-number": b"1795529820000",
    "ms-huge": b"8640000000000001",
    "weekday": b'"Tue Nov 24 2026"',
    "arabic-digits": '"٢٠٢٦-11-24T14:00:00Z"'.encode(),
}


def _text(tail: str) -> Write:
    # Half of the texts are escaped, to test both paths of the decoder.
    def write(marker: str, old: bytes, key: str) -> bytes:
        is_escaped = int(marker[-1], 16) % 2 == 0 or any("\ud800" <= each <= "\udfff" for each in tail)
        return json.dumps(marker + tail, ensure_ascii=is_escaped).encode()

    return write


def _bytes(tail: bytes) -> Write:
    def write(marker: str, old: bytes, key: str) -> bytes:
        return b'"' + marker.encode() + tail + b'"'

    return write


def _key(tail: str) -> Write:
    """Add a key to the object."""

    def write(marker: str, old: bytes, key: str) -> bytes:
        pair = json.dumps(marker + tail).encode() + b': {"\\u001b[2J": "\\u001b]0;x\\u0007"}'
        kept = old.strip()[1:-1].strip() if old.strip().startswith(b"{") else b""
        return b"{" + pair + (b", " + kept if kept else b"") + b"}"

    return write


def _fixed(fragment: bytes) -> Write:
    def write(marker: str, old: bytes, key: str) -> bytes:
        return fragment

    return write


def _twice(*, is_good_last: bool) -> Write:
    """Repeat a key with a text poison as one value. In a list, add the poison as a value."""

    def write(marker: str, old: bytes, key: str) -> bytes:
        bad = json.dumps(f"{marker}\x1b[2J").encode()
        name = json.dumps(key).encode() + b":" if key else b""
        first, last = (bad, old) if is_good_last else (old, bad)
        return first + b"," + name + last

    return write


POISONS: dict[str, Poison] = {
    poison.name: poison
    for poison in (
        *(Poison(name, Family.TEXT, _text(tail)) for name, tail in TEXTS.items()),
        *(Poison(name, Family.TEXT, _bytes(tail)) for name, tail in BYTES.items()),
        *(Poison(f"key-{name}", Family.KEY, _key(TEXTS[name])) for name in KEYS),
        *(Poison(name, Family.SHAPE, _fixed(each)) for name, each in SHAPES.items()),
        *(Poison(name, Family.NUMBER, _fixed(each)) for name, each in NUMBERS.items()),
        *(Poison(name, Family.TIME, _fixed(each)) for name, each in TIMES.items()),
        Poison("twice-good-last", Family.SHAPE, _twice(is_good_last=True)),
        Poison("twice-bad-last", Family.SHAPE, _twice(is_good_last=False)),
        Poison("missing", Family.DROP, None),
    )
}
