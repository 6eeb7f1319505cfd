"""Bytes that a terminal, a broken program or a bad connection can send, and that have broken input handling before."""

from typing import Final

ODD: Final = (
    # invalid UTF-8
    b"\xe9", b"\xc3", b"\xf0\x9f", b"\xff" * 40, b"\x00", b"\x9b31m", b"\xed\xa0\x80", "\u2028\ufeff".encode(),
    # sequences without an end
    b"\x1b", b"\x1b\x1b", b"\x1b[", b"\x1bO", b"\x1b]", b"\x1bP", b"\x1b_", b"\x1b^", b"\x1bX", b"\x1b[[", b"\x1bO5",
    b"\x1b[?2026;9", b"\x1b[" + b"1;" * 5000, b"\x1b]52;c;" + b"A" * 5000, b"\x1bP+r\xe9",
    # pastes
    b"\x1b[200~", b"\x1b[201~", b"\x1b[200~caf\xe9\x1b[201~", b"\x1b[200~\x1b[200~", b"\x1b[200~\x1b",
    b"\x1b[200~\x1b[48;1;1;1;1t", b"\x1b[200~\x1b[1114112u\x1b[201~",
    # mouse reports
    b"\x1b[M", b"\x1b[M \xe9\xe9", b"\x1b[M\x20\x80", b"\x1b[<0;9;9M", b"\x1b[<99999999999999999999;1;1M",
    b"\x1b[<0;-1;-1m",
    # keys of the kitty protocol
    b"\x1b[97;1:3u", b"\x1b[:;:u", b"\x1b[1114112u", b"\x1b[55296;;55296u", b"\x1b[0u", b"\x1b[;;u",
    b"\x1b[" + b"9" * 5000 + b"u",
    # sizes and modes
    b"\x1b[48;99999;99999;0;0t", b"\x1b[48;0;0;0;0t", b"\x1b[48;1:;1:x;1;1t", b"\x1b[?2048;2$y", b"\x1b[?2026;1$y",
    # other sequences
    b"\x1b]11;rgb:ffff/ffff/ffff\x1b\\", b"\x1b]0;x\x07", b"\x1b[99999;99999R", b"\x1b[I", b"\x1b[O", b"\x1b[[Z",
    b"\x1b[3$", b"\x1bOx", b"\x1b\x7f",
)  # fmt: skip
