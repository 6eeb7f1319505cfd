"""`clean` keeps harmless text, and makes control characters visible."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.domain.recorded import decode_trace
from tests.support.recordings import body_of
from tui.domain.text import MAX_EMOJI_TAGS, REPLACEMENT, clean

UNSAFE = {"Cc", "Cf", "Cs", "Cn", "Co", "Zl", "Zp"}
SELECTORS = set("\ufe0e\ufe0f")
JOINERS = set("\u200c\u200d")
MODIFIERS = set("\u20e3🏻🏼🏽🏾🏿")
TAGS = [chr(code) for code in range(0xE0020, 0xE0080)]
# Symbols of the first emoji block, without the blank braille cell, and the emoji plane.
EMOJI = [chr(code) for code in range(0x203C, 0x3300) if unicodedata.category(chr(code)) == "So" and code != 0x2800]
EMOJI += map(chr, range(0x1F000, 0x1FB00))
emoji_text = st.text(st.sampled_from(EMOJI) | st.sampled_from(sorted(SELECTORS | JOINERS | MODIFIERS)), max_size=12)
tagged = st.tuples(st.sampled_from("🏴👍🚀"), st.text(st.sampled_from(TAGS[:-1]), max_size=8)).map("".join)
any_text = st.text(st.characters(exclude_categories=()) | st.characters(max_codepoint=0x9F))


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("❤\ufe0f", "❤"),
        ("🇫🇷", "FR"),
        ("👨\u200d👩\u200d👧\u200d👦", "👨"),
        ("🧑🏽\u200d⚕\ufe0f ❤\ufe0f\u200d🔥 👁\ufe0f\u200d🗨\ufe0f", "🧑 ❤ 👁"),
        ("🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f!", "🏴!"),
        ("🏽 a🏽", "■ a■"),
        ("pay\u200dpal 👍\u200dok", f"pay{REPLACEMENT}pal 👍ok"),
        ("\u200d \u200c", " "),
        ("🏴" + "\U000e0067" * (MAX_EMOJI_TAGS + 1), f"🏴{REPLACEMENT}"),
        ("\U0001fafd", "□"),
        ("\x1b[31mred\x1b[0m", "␛[31mred␛[0m"),
        ("\x1b]0;title\x07", "␛]0;title␇"),
        ("a\tb\rc\bd\x00", "a␉b␍c␈d␀"),
        ("\x7f", "␡"),
        ("\x9b31m\x85", f"{REPLACEMENT}31m{REPLACEMENT}"),
        ("\u202eevil\u2066", f"{REPLACEMENT}evil{REPLACEMENT}"),
        ("a\u200bb\u200dc\ufeff", f"a{REPLACEMENT}b{REPLACEMENT}c{REPLACEMENT}"),
        ("\ud800\udfff", REPLACEMENT * 2),
        ("\u3164\u2800\U000e0061", REPLACEMENT * 3),
        ("", ""),
    ],
)
def test_control_characters_become_one_symbol_each(raw: str, shown: str) -> None:
    assert clean(raw) == shown


def test_newline_stays_only_with_lines() -> None:
    assert clean("a\nb\r\n") == "a␊b␍␊"
    assert clean("a\nb\r\n", lines=True) == "a\nb␍\n"


def test_recorded_hostile_log_lines_become_harmless() -> None:
    messages = [span.message for span in decode_trace(body_of("251")).root.walk()]

    assert any("\x1b" in message for message in messages)
    assert all(clean(message).isprintable() for message in messages)


@given(any_text)
def test_clean_text_has_no_control_characters(raw: str) -> None:
    shown = clean(raw)

    if not set(raw) & (JOINERS | MODIFIERS | set(TAGS)):
        assert len(shown) == sum(character not in SELECTORS for character in raw)
    assert all(unicodedata.category(char) not in UNSAFE for char in shown)
    shown.encode()


@given(st.lists(emoji_text | tagged, max_size=4).map("".join))
def test_emoji_and_their_joiners_are_never_replaced(raw: str) -> None:
    shown = clean(raw)

    assert REPLACEMENT not in shown
    assert not set(shown) & (SELECTORS | JOINERS | set("🏻🏼🏽🏾🏿"))


@given(any_text | emoji_text)
def test_cleaning_is_idempotent(raw: str) -> None:
    assert clean(clean(raw)) == clean(raw)
    assert clean(clean(raw, lines=True), lines=True) == clean(raw, lines=True)


@given(any_text)
def test_lines_are_cleaned_independently(raw: str) -> None:
    assert clean(raw, lines=True).split("\n") == [clean(line) for line in raw.split("\n")]
