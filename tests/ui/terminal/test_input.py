"""The keyboard works after any bytes in any chunks, and a paste is never read as keys."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from textual import events
from textual._ansi_sequences import ANSI_SEQUENCES_KEYS
from textual._xterm_parser import XTermParser
from textual.message import Message

from tests.support.ui.odd_bytes import ODD
from tui.kit.terminal.input import (
    JOINED_GAP_S,
    MAX_ANSWER_PAUSE_S,
    MAX_PASTE_BYTES,
    MAX_UNFINISHED_S,
    MAX_WAITING_KEYS,
    MIN_BURST_CHANGES,
    MIN_LATE_PASTE_BYTES,
    SILENCE_TIMEOUT_S,
    InputDecoder,
    JoinedKey,
    KeyBacklog,
)

MAX_HELD_BYTES = MAX_PASTE_BYTES + 100
PAUSE_S = 2 * SILENCE_TIMEOUT_S

CHUNKS = st.lists(
    st.tuples(st.one_of(st.binary(max_size=12), st.sampled_from(ODD)), st.sampled_from([0.0, 0.05, 0.2, 1.5, 40.0])),
    max_size=12,
)


MISREAD = re.compile(r"\x1b\[(?:2[5689]|3[1-4]|6[23])~|\x1b\[5[A-D]")
"""Function keys that Textual knows but reads as characters."""


def words_of(messages: list[Message]) -> list[str]:
    """Return the messages that the app gets, one word each."""
    return [
        message.key
        if isinstance(message, events.Key)
        else f"paste {message.text}"
        if isinstance(message, events.Paste)
        else type(message).__name__
        for message in messages
    ]


def read(*chunks: bytes, has_mouse: bool = False) -> list[str]:
    """Decode chunks in quick succession, then a silence."""
    decoder = InputDecoder(has_mouse=has_mouse)
    messages = [message for chunk in chunks for message in decoder.feed(chunk, 0.0)]
    return words_of(messages + decoder.expire(PAUSE_S))


def feed_chunks(decoder: InputDecoder, chunks: list[tuple[bytes, float]]) -> float:
    """Feed chunks with the given delays and return the time afterwards."""
    now_s = 0.0
    for chunk, wait_s in chunks:
        now_s += wait_s
        decoder.expire(now_s)
        decoder.feed(chunk, now_s)
        assert len(decoder._held) <= MAX_HELD_BYTES
    return now_s


@given(CHUNKS)
def test_keyboard_works_a_moment_after_any_bytes(chunks: list[tuple[bytes, float]]) -> None:
    decoder = InputDecoder()
    now_s = feed_chunks(decoder, chunks) + PAUSE_S
    decoder.expire(now_s)
    assert words_of(decoder.feed(b"?", now_s))[-1] == "question_mark"
    assert words_of(decoder.feed(b"\x11", now_s)) == ["ctrl+q"]
    assert decoder.deadline_s is None


@given(CHUNKS)
def test_ctrl_q_works_directly_after_any_bytes(chunks: list[tuple[bytes, float]]) -> None:
    decoder = InputDecoder()
    now_s = feed_chunks(decoder, chunks)
    decoded = words_of(decoder.feed(b"\x11", now_s) + decoder.expire(now_s + PAUSE_S))
    assert "ctrl+q" in decoded


@given(st.lists(st.one_of(st.binary(max_size=12), st.sampled_from(ODD)), max_size=6), st.data())
def test_input_means_the_same_in_any_chunks(parts: list[bytes], data: st.DataObject) -> None:
    whole = b"".join(parts)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=8)))
    pieces = [whole[start:end] for start, end in zip([0, *cuts], [*cuts, len(whole)], strict=True)]
    assert read(*pieces) == read(whole)


@given(CHUNKS)
def test_every_key_can_be_written_again(chunks: list[tuple[bytes, float]]) -> None:
    decoder = InputDecoder(has_mouse=True)
    for chunk, wait_s in chunks:
        for message in decoder.feed(chunk, wait_s):
            if isinstance(message, events.Key) and message.character is not None:
                message.character.encode()


@pytest.mark.parametrize("odd", ODD)
def test_help_opens_right_after_odd_bytes(odd: bytes) -> None:
    takes_one_more = odd == b"\x1b[M\x20\x80"
    assert read(odd + b"?" + b"?" * takes_one_more)[-1] == "question_mark"


@pytest.mark.parametrize(
    ("sequence", "keys"),
    [
        (b"\x1b[25~", ["f13"]),
        (b"\x1b[32~", ["f18"]),
        (b"\x1b[5A", ["ctrl+up"]),
        (b"\x1b[67~", []),
        (b"\x1b[121;1A", []),
        (b"\x1b[67;1;67S", []),
        (b"\x1b[1;2A", ["shift+up"]),
        (b"\x1b[24;5~", ["ctrl+f12"]),
        (b"\x1b[27;5;113~", ["ctrl+q"]),
    ],
)
def test_function_key_number_is_not_a_character(sequence: bytes, keys: list[str]) -> None:
    assert read(sequence) == keys


def test_known_sequences_decode_as_in_textual() -> None:
    for sequence in ANSI_SEQUENCES_KEYS:
        if MISREAD.fullmatch(sequence):
            continue
        is_alt = len(sequence) == 2 and sequence[0] == "\x1b" and sequence[1].isprintable()
        if not is_alt and sequence not in {"\x1b", "\x1b\x1b"}:
            assert read(sequence.encode()) == words_of(list(XTermParser().feed(sequence))), repr(sequence)


@pytest.mark.parametrize(
    ("typed", "keys"),
    [
        (b"\x1bq", ["escape", "q"]),
        (b"\x1bf", ["escape", "f"]),
        (b"\x1b1", ["escape", "1"]),
        (b"\x1b?", ["escape", "question_mark"]),
        (b"\x1b\x1b", ["escape", "escape"]),
        (b"\x1bO", ["escape", "O"]),
        (b"\x1bOz", ["escape", "O", "z"]),
        (b"\x1b[", ["escape", "left_square_bracket"]),
        (b"\x1b]", ["escape", "right_square_bracket"]),
        (b"\x1bP", ["escape", "P"]),
        (b"\x1bX", ["escape", "X"]),
        (b"\x1b\xc3\xa9", ["escape", "é"]),
        (b"\x1b[27uq", ["escape", "q"]),
    ],
)
def test_escape_and_the_next_key_are_two_keys(typed: bytes, keys: list[str]) -> None:
    assert read(typed) == keys
    assert read(*(bytes((byte,)) for byte in typed)) == keys


@pytest.mark.parametrize(
    "report",
    [
        b"\x1b[48;99999;99999;0;0t",
        b"\x1b[?2048;1$y",
        b"\x1b]11;rgb:ffff/ffff/ffff\x1b\\",
        b"\x1b]11;rgb:ffff\x07",
        b"\x1bP!|foot\x1b\\",
        b"\x1b[?62;22c",
        b"\x1b[" + b"1" * 5000 + b"C",
        b"\x1b[97;1:3u",
        b"\x1b[201~",
        b"\x1b[<0;9;9M",
        b"\x1b[M \x80\xff",
    ],
)
def test_unrequested_reports_are_dropped(report: bytes) -> None:
    assert read(report) == []


def test_mouse_works_if_enabled() -> None:
    assert read(b"\x1b[<0;9;9M", has_mouse=True) == ["MouseDown"]


def test_paste_is_one_text_with_any_content() -> None:
    pasted = "C\x1by\x1b[A\x11?\x1b[200~é\r"
    assert read(b"\x1b[200~" + pasted.encode() + b"\x1b[201~q") == [f"paste {pasted}", "q"]
    assert read(b"\x1b[200~caf\xe9\x00\x1b[201~") == ["paste caf�"]


def test_paste_is_cut_at_its_maximum() -> None:
    decoder = InputDecoder()
    decoder.feed(b"\x1b[200~", 0.0)
    for _ in range(40):
        decoder.feed(b"x" * 100_000, 0.0)
    (paste,) = decoder.feed(b"y\x1b[201~", 0.0)
    assert isinstance(paste, events.Paste)
    assert paste.text == "x" * MAX_PASTE_BYTES


def test_abandoned_paste_is_not_typed_as_keys() -> None:
    decoder = InputDecoder()
    decoder.feed(b"\x1b[200~one", 0.0)
    assert words_of(decoder.expire(SILENCE_TIMEOUT_S)) == ["paste one"]
    assert words_of(decoder.feed(b"Cy\x1b[201~", 2.0)) == ["paste Cy"]
    decoder.feed(b"\x1b[200~one", 3.0)
    assert words_of(decoder.feed(b"C" * MIN_LATE_PASTE_BYTES, 4.5)) == ["paste one"]
    assert words_of(decoder.feed(b"y\x1b[201~", 4.6)) == [f"paste {'C' * MIN_LATE_PASTE_BYTES}y"]


def test_endless_paste_is_abandoned_while_keys_keep_coming() -> None:
    decoder = InputDecoder()
    decoder.feed(b"\x1b[200~", 0.0)
    decoded = [
        message for tenth in range(round(10 * MAX_UNFINISHED_S) + 1) for message in decoder.feed(b"j", tenth / 10)
    ]
    assert words_of(decoded)[-1] == "j"


def test_only_harmless_keys_work_in_unfinished_input() -> None:
    assert read(b"\x1b[200~Cy") == ["paste Cy"]
    assert read(b"\x1b[200~Cy?\x11") == ["paste Cy", "question_mark", "ctrl+q"]
    assert read(b"\x1b]11;C") == []


def test_help_opens_in_unfinished_input_before_a_status_report() -> None:
    assert read(b"\x1b[200~Cy?\x1b[0n") == ["paste Cy", "question_mark", "TerminalAnswer"]
    assert read(b"\x1b[200~Cy\x1b[0n") == ["paste Cy", "TerminalAnswer"]
    assert read(b"\x1b[200~Cy?\x1b[20;3R\x1b[0n") == ["paste Cy", "question_mark", "CursorPosition", "TerminalAnswer"]


def test_answers_neither_prolong_a_paste_nor_hide_a_key() -> None:
    decoder = InputDecoder()
    assert decoder.feed(b"\x1b[200~Cy", 0.0) == []
    assert decoder.feed(b"\x11", 0.1) == []
    for at_s in (0.5, 0.9):
        assert words_of(decoder.feed(b"\x1b[20;3R\x1b[0n", at_s)) == ["CursorPosition", "TerminalAnswer"]
    assert words_of(decoder.expire(1.2)) == ["paste Cy", "ctrl+q"]


def burst_of(messages: list[Message]) -> list[bool | None]:
    """Return for each key whether it belongs to a burst; None: it came alone."""
    keys = [each for each in messages if isinstance(each, events.Key)]
    return [each.is_burst if isinstance(each, JoinedKey) else None for each in keys]


def test_keys_that_come_together_are_joined() -> None:
    decoder = InputDecoder()
    assert burst_of(decoder.feed(b"y", 0.0)) == [None]
    assert burst_of(decoder.feed(b"Cy", 1.0)) == [False, False]
    assert burst_of(decoder.feed(b"jjjjjjjjjjC", 2.0)) == [False] * 11
    assert burst_of(decoder.feed(b"Cy R", 3.0)) == [True] * 4
    assert burst_of(decoder.feed(b"y", 3.0 + JOINED_GAP_S)) == [True]
    assert burst_of(decoder.feed(b"y", 4.0)) == [None]
    pieces = [burst_of(decoder.feed(bytes([each]), 5.0 + at / 100)) for at, each in enumerate(b"yes please")]
    assert pieces[0] == [None]
    assert pieces[MIN_BURST_CHANGES:] == [[True]] * (len(pieces) - MIN_BURST_CHANGES)


def test_keys_before_a_second_end_of_a_paste_are_a_burst() -> None:
    decoder = InputDecoder()
    assert words_of(decoder.feed(b"\x1b[200~Cy \x1b[20", 0.0)) == []
    assert words_of(decoder.feed(b"1~", 0.2)) == ["paste Cy "]
    assert burst_of(decoder.feed(b"y\x1b[201~", 2.0)) == [True]


def test_key_right_behind_a_paste_is_joined() -> None:
    decoder = InputDecoder()
    assert burst_of(decoder.feed(b"\x1b[200~x\x1b[201~\x11", 0.0)) == [False]
    decoder.feed(b"\x1b[200~x\x1b[201~", 1.0)
    assert burst_of(decoder.feed(b"\x11", 1.0 + JOINED_GAP_S / 2)) == [False]
    assert burst_of(decoder.feed(b"\x11", 1.2)) == [None]


OWED = (
    b"\x1b[0n",
    b"\x1b[20;13R",
    b"\x1b[?2026;2$y",
    b"\x1b[?62;22c",
    b"\x1b[I",
    b"\x1b[O",
    b"\x1bP>|xterm(388)R\x1b\\",
)


@pytest.mark.parametrize("answer", OWED)
@pytest.mark.parametrize("pause_s", [0.01, 0.2, 1.1, 2.0, MAX_ANSWER_PAUSE_S - 0.1])
def test_awaited_answer_is_no_key_in_any_two_pieces(answer: bytes, pause_s: float) -> None:
    whole = words_of(InputDecoder(is_awaiting=lambda: True).feed(answer, 0.0))
    for cut in range(1, len(answer)):
        decoder = InputDecoder(is_awaiting=lambda: True)
        found = decoder.feed(answer[:cut], 0.0)
        found += decoder.expire(pause_s)
        found += decoder.feed(answer[cut:], pause_s)
        assert words_of(found) == whole, cut
        assert words_of(decoder.feed(b"j", pause_s + 0.2)) == ["j"]


@pytest.mark.parametrize("answer", OWED)
def test_awaited_answer_is_no_key_byte_by_byte(answer: bytes) -> None:
    decoder = InputDecoder(is_awaiting=lambda: True)
    found = [each for at, byte in enumerate(answer) for each in decoder.feed(bytes([byte]), at * 1.5)]
    assert not any(isinstance(each, events.Key) for each in found)


@pytest.mark.parametrize("answer", OWED)
def test_rest_of_a_report_behind_a_late_esc_is_no_key(answer: bytes) -> None:
    decoder = InputDecoder()
    assert words_of(decoder.feed(answer[:1], 0.0) + decoder.expire(0.2)) == ["escape"]
    assert not any(isinstance(each, events.Key) for each in decoder.feed(answer[1:], 3.0))


@pytest.mark.parametrize("answer", OWED)
def test_key_between_two_pieces_of_an_answer_counts(answer: bytes) -> None:
    decoder = InputDecoder(is_awaiting=lambda: True)
    found = decoder.feed(answer[:1], 0.0) + decoder.feed(b"j", 0.5) + decoder.feed(answer[1:], 1.0)
    assert [each.key for each in found if isinstance(each, events.Key)] == ["escape", "j"]


def test_begin_of_a_paste_may_come_in_late_pieces() -> None:
    for cut in range(1, 6):
        decoder = InputDecoder()
        found = decoder.feed(b"\x1b[200~"[:cut], 0.0) + decoder.expire(3.0)
        found += decoder.feed(b"\x1b[200~"[cut:] + b"Cy\x1b[201~", 3.0)
        assert [word for word in words_of(found) if word not in {"escape", "left_square_bracket"}] == ["paste Cy"]


def test_escape_is_a_key_once_the_answer_before_it_counts() -> None:
    owed = [True]
    decoder = InputDecoder(is_awaiting=lambda: owed[0])
    assert "escape" not in words_of(decoder.feed(b"\x1b[0n\x1b", 1.0))
    owed.clear()
    owed.append(False)  # the app has recorded the answer, which came in the same read
    assert words_of(decoder.expire(1.15)) == ["escape"]


def test_lone_esc_is_prompt_unless_an_answer_is_owed() -> None:
    is_owed = False
    decoder = InputDecoder(is_awaiting=lambda: is_owed)
    assert words_of(decoder.feed(b"\x1b", 0.0) + decoder.expire(0.11)) == ["escape"]
    is_owed = True
    assert words_of(decoder.feed(b"\x1b", 1.0) + decoder.expire(1.0 + MAX_ANSWER_PAUSE_S - 0.1)) == []
    assert words_of(decoder.expire(1.0 + MAX_ANSWER_PAUSE_S)) == ["escape"]
    for typed, words in (
        (b"j", ["escape", "j"]),
        (b"]", ["escape", "right_square_bracket"]),
        (b"\x11", ["escape", "ctrl+q"]),
    ):
        decoder.feed(b"\x1b", 10.0)
        assert words_of(decoder.feed(typed, 10.3)) == words
    decoder.feed(b"\x1b", 20.0)
    assert words_of(decoder.feed(b"\x1b[0n", 20.3)) == ["escape", "TerminalAnswer"]
    decoder.feed(b"\x1b[", 30.0)
    assert words_of(decoder.feed(b"j", 30.3)) == ["escape", "left_square_bracket", "j"]


def test_flood_of_keys_is_bounded_except_help_and_quit() -> None:
    backlog = KeyBacklog()
    admitted = [key for key in ["j"] * 3 * MAX_WAITING_KEYS + ["question_mark", "ctrl+q"] if backlog.admit(key)]
    assert admitted == ["j"] * MAX_WAITING_KEYS + ["question_mark", "ctrl+q"]
    assert sum(backlog.admit("escape") for _ in range(3 * MAX_WAITING_KEYS)) < MAX_WAITING_KEYS
    for _ in range(2 * MAX_WAITING_KEYS):
        backlog.record_begun()
    assert backlog.admit("j")
