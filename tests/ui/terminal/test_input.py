"""The keyboard works after any bytes in any chunks, and a paste is never read as keys."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from textual import events
from textual.message import Message

from tests.hostile.terminal_bytes import INPUTS
from tui.kit.terminal.input import (
    JOINED_GAP_S,
    MAX_ANSWER_PAUSE_S,
    MAX_PASTE_BYTES,
    MAX_WAITING_KEYS,
    MIN_BURST_CHANGES,
    SILENCE_TIMEOUT_S,
    InputDecoder,
    JoinedKey,
    KeyBacklog,
)

MAX_HELD_BYTES = MAX_PASTE_BYTES + 100
PAUSE_S = 2 * SILENCE_TIMEOUT_S
ODD = [each for each in INPUTS.values() if len(each) <= 5_010]

CHUNKS = st.lists(
    st.tuples(st.one_of(st.binary(max_size=12), st.sampled_from(ODD)), st.sampled_from([0.0, 0.05, 0.2, 1.5, 40.0])),
    max_size=12,
)


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


@pytest.mark.parametrize(
    ("sequence", "keys"),
    [
        (b"\x1b[25~", ["f13"]),
        (b"\x1b[5A", ["ctrl+up"]),
        (b"\x1b[67~", []),
        (b"\x1b[67;1;67S", []),
        (b"\x1b[1;2A", ["shift+up"]),
        (b"\x1b[24;5~", ["ctrl+f12"]),
        (b"\x1b[27;5;113~", ["ctrl+q"]),
    ],
)
def test_function_key_number_is_not_a_character(sequence: bytes, keys: list[str]) -> None:
    assert read(sequence) == keys


@pytest.mark.parametrize(
    ("typed", "keys"),
    [
        (b"\x1bq", ["escape", "q"]),
        (b"\x1b?", ["escape", "question_mark"]),
        (b"\x1b\x1b", ["escape", "escape"]),
        (b"\x1bO", ["escape", "O"]),
        (b"\x1bOz", ["escape", "O", "z"]),
        (b"\x1b[", ["escape", "left_square_bracket"]),
        (b"\x1bP", ["escape", "P"]),
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
        b"\x1bP!|foot\x1b\\",
        b"\x1b[" + b"1" * 5000 + b"C",
        b"\x1b[97;1:3u",
        b"\x1b[201~",
        b"\x1b[<0;9;9M",
        b"\x1b[M \x80\xff",
    ],
)
def test_unrequested_reports_are_dropped(report: bytes) -> None:
    assert read(report) == []


def test_paste_is_one_text_with_any_content() -> None:
    pasted = "C\x1by\x1b[A\x11?\x1b[200~é\r"
    assert read(b"\x1b[200~" + pasted.encode() + b"\x1b[201~q") == [f"paste {pasted}", "q"]
    assert read(b"\x1b[200~caf\xe9\x00\x1b[201~") == ["paste caf�"]


def test_only_harmless_keys_work_in_unfinished_input() -> None:
    assert read(b"\x1b[200~Cy") == ["paste Cy"]
    assert read(b"\x1b[200~Cy?\x11") == ["paste Cy", "question_mark", "ctrl+q"]
    assert read(b"\x1b]11;C") == []


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
