"""Hostile terminal input, and checks of the program's output to a terminal."""

import re
import unicodedata
from collections.abc import Iterator
from random import Random

from tests.hostile.cleanliness import ACTING, dirty_text, leaked
from tui.kit.terminal.early import LEFT_BEHIND_OFF

INPUTS: dict[str, bytes] = {
    "latin-1": b"\xe9\xe8\xfc",
    "utf-8 cut": b"\xe6\xbc",
    "utf-8 overlong": b"\xc0\x80\xe0\x80\xaf",
    "other encodings": "é漢".encode("utf-16") + b"\xed\xa0\x80\xed\xb0\x80",
    "all high bytes": bytes(range(0x80, 0x100)),
    "nul": b"\x00" * 50,
    "paste of latin-1": b"\x1b[200~caf\xe9 \xff\xfe\x1b[201~",
    "paste of escapes": b"\x1b[200~\x1b[31m\x1b]0;x\x07\x1b[201~",
    "paste within a paste": b"\x1b[200~a\x1b[200~b\x1b[201~c\x1b[201~",
    "paste end alone": b"\x1b[201~\x1b[201~",
    "paste of a megabyte": b"\x1b[200~" + b"x" * 300_000 + b"\x1b[201~",
    "mouse x10": b"\x1b[M !!",
    "mouse x10 cut": b"\x1b[M ",
    "mouse sgr": b"\x1b[<0;10;10M\x1b[<0;10;10m",
    "mouse odd": b"\x1b[M \xc8\xd0\x1b[<0;99999999999;-1M\x1b[<;;M\x1b[<abcM",
    "mouse urxvt": b"\x1b[32;129;129M",
    "kitty odd": b"\x1b[:;:u\x1b[1114112u\x1b[55296u\x1b[99999999999999999999u\x1b[-5u\x1b[97;1;1114112:98u\x1b[?31u",
    "kitty key": b"\x1b[97;1:3u",
    "size odd": b"\x1b[48;0;0;0;0t\x1b[48;;;;t\x1b[48t\x1b[48;1:;1:x;1;1t",
    "size report": b"\x1b[48;99999;99999;0;0t",
    "size of pixels": b"\x1b[4;99999999;99999999t",
    "reports odd": b"\x1b[99999999999;99999999999R\x1b[;R\x1b[R\x1b]lowned\x1b\\\x1b]52;c;ZXZpbA==\x07",
    "reports": b"\x1b[?62;22c\x1b[>41;0;0c\x1b[?c\x1b[?2026;2$y\x1b[?2048;9$y\x1b[?;$y",
    "cursor report": b"\x1b[1;1R",
    "colour report": b"\x1b]11;rgb:zzzz/0000/0000\x07\x1b]10;?\x1b\\",
    "osc without an end": b"\x1b]0;abc",
    "dcs": b"\x1bP1$r0m\x1b\\",
    "dcs without an end": b"\x1bPabc",
    "apc": b"\x1b_Gi=1;OK\x1b\\",
    "focus": b"\x1b[I\x1b[O\x1b[I\x1b[O",
    "csi without an end": b"\x1b[1;2;3;4;5",
    "csi of many": b"\x1b[" + b"1;" * 5_000 + b"m",
    "csi of digits": b"\x1b[" + b"9" * 5_000 + b"~",
    "csi private": b"\x1b[<=>?!\"#$%&'()*+,-./z",
    "sequences cut": b"\x1b[3$\x1b[[Z\x1bOx\x1b[?2026;9\x1b[[\x1bX\x1b",
    "paste of a size": b"\x1b[200~\x1b[48;1;1;1;1t\x1b[1114112u\x1b[201~",
    "csi c1": b"\x9b31m\x9d0;x\x9c",
    "ss3": b"\x1bO\xff\x1bOP\x1bO",
    "function keys": b"\x1b[11~\x1b[99~\x1b[;~\x1b[1;99A",
    "escapes": b"\x1b" * 200,
    "escape and letters": b"\x1ba\x1bb\x1b\xe9",
    "alt and escape": b"\x1b\x1b[A\x1b\x1b\x1b[200~x\x1b[201~",
    "emoji": "👨‍👩‍👧🇩🇪é".encode(),
    "bidi": "\u202e\u2066\u200f".encode(),
    "backspaces": b"\x7f\x08" * 300,
    "many arrows": b"\x1b[B" * 3_000,
    "many letters": b"jk" * 3_000,
}
"""Bytes that no keyboard sends, by name. None of them ends the program or starts an action."""

_KEPT_OUT = b"q\x11\x03\x1a\x1c:CRQ/O\x0f"
"""Bytes that quit, suspend, start an action, or open a text field or another program."""

RECOVER = (b"\x1b\\\x07\x1b[201~", b"\x1b", b"\x1b", b"\x1b")
"""Ends a string, a paste, a prompt, or a screen that an input started."""


def noise(random: Random) -> bytes:
    """Return random bytes, half of them parts of escape sequences."""
    pieces = (b"\x1b[", b"\x1b]", b"\x1bP", b"\x1bO", b"200~", b"$y", *(bytes([each]) for each in b";:<?MutR~"))
    found = b"".join(
        random.choice(pieces) if random.random() < 0.5 else bytes([random.randrange(256)]) for _ in range(400)
    )
    return bytes(byte for byte in found if byte not in _KEPT_OUT)


def chunks(data: bytes, random: Random) -> Iterator[bytes]:
    """Yield the bytes in chunks of random lengths, as over a slow link."""
    while data:
        size = random.choice((1, 2, 3, 7, 64, 4096))
        yield data[:size]
        data = data[size:]


_MODES = "6|7|25|1000|1002|1003|1004|1006|1015|1016|1049|2004|2026|2048"
_ALLOWED = re.compile(
    rf"{re.escape(LEFT_BEHIND_OFF)}|"  # after another program
    r"\x1b(?:"
    r"\[[0-9;]*m"  # colours
    r"|\[\d*;?\d*H|\[\d*[ABCDGKJXd]"  # moves and erasures
    r"|\[(?:\d+;\d+)?r|\[\d*[STb]"  # scrolling of a region; repetition
    rf"|\[\?(?:{_MODES})[hl]|\[\?\d+\$p"  # modes that Textual sets, and asks for
    r"|\[4l"  # the end of inserting, which a killed program may leave
    r"|\[[>=<]\d*;?\d*u|\[\?u"  # the keyboard protocol
    r"|\[[56]n|\[>0q|\[>?c|\[2[23];[012]t"  # requests; saving and restoring the title
    r"|\]52;c;[A-Za-z0-9+/=]*(?:\x07|\x1b\\)"  # a copy
    r"|\](?P<title>[02];[^\x00-\x1f\x7f-\x9f]*)(?:\x07|\x1b\\)"
    r"|\]22;[a-z-]*(?:\x07|\x1b\\)"  # the pointer's shape
    r"|\\"  # the end of a sequence that was cut
    r"|\(B"  # a reset of the character set before a repaint
    r"|[78=>]"
    r")"
)


def dirty_bytes(received: bytes) -> str:
    """Return the first bytes that the program may not send, or ""."""
    try:
        text = received.decode()
    except UnicodeDecodeError as error:
        return (
            f"the terminal received bytes that are not UTF-8: {received[max(0, error.start - 20) : error.start + 20]!r}"
        )
    titles: list[str] = []

    def take(found: "re.Match[str]") -> str:
        if found["title"]:
            titles.append(found["title"])
        return ""

    rest = _ALLOWED.sub(take, text).translate({0x0F: None, 0x08: None})
    for at, character in enumerate(rest):
        if character in "\r\n" or (character.isascii() and character.isprintable()):
            continue
        if unicodedata.category(character) in ACTING:
            return f"the terminal got {rest[max(0, at - 30) : at + 30]!a}"
    troubles = (dirty_text(title, "the title") for title in titles)
    return next((trouble for trouble in troubles if trouble), "") or leaked(rest, "the terminal")


def restored(received: bytes) -> str:
    """Return which state of the terminal was not restored, or ""."""
    _, left, tail = received.rpartition(b"\x1b[?1049l")
    if b"\x1b[?1049h" in received and not left:
        return "the alternate screen was never left"
    if b"\x1b[?25l" in received and received.rfind(b"\x1b[?25h") < received.rfind(b"\x1b[?25l"):
        return "the cursor is still hidden"
    for mode in (b"1000", b"1003", b"1004", b"1006", b"2004"):
        if received.rfind(b"\x1b[?" + mode + b"h") > received.rfind(b"\x1b[?" + mode + b"l"):
            return f"mode {mode.decode()} is still set"
    return "a traceback" if b"Traceback" in tail else ""
