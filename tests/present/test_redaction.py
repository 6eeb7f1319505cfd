"""Keys and tokens are removed from text, in every form in which an error quotes them."""

import base64
import json
from collections.abc import Callable
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.text.redaction import CUT, FRAGMENT_CHARACTERS, Redactor

KEYS = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=FRAGMENT_CHARACTERS, max_size=60)
QUOTED: dict[str, Callable[[str], str]] = {
    "as it is": str,
    "repr": repr,
    "repr with a quote behind it": lambda key: repr(f"{key}'"),
    "bytes": lambda key: repr(key.encode()),
    "twice": lambda key: repr(repr(key)),
    "a dictionary": lambda key: str({"Authorization": f"Bearer {key}"}),
    "JSON": json.dumps,
    "JSON in JSON": lambda key: json.dumps(json.dumps({"key": key})),
    "a URL": lambda key: f"https://host/?key={quote(key, safe='')}",
    "a form": quote_plus,
    "base64": lambda key: base64.b64encode(f"user:{key}".encode()).decode(),
    "hex": lambda key: key.encode().hex(),
    "cut": lambda key: f"input_value='{key[:20]}...{key[-12:]}'",
}


def redactor(*secrets: str) -> Redactor:
    found = Redactor()
    for secret in secrets:
        found.hide(secret)
    return found


@pytest.mark.parametrize("form", QUOTED)
@given(key=KEYS)
def test_no_part_of_a_key_survives_in_any_quotation(form: str, key: str) -> None:
    quoted = QUOTED[form](key)
    shown = redactor(key).redact(f"before {quoted} behind")
    parts = {key[start : start + FRAGMENT_CHARACTERS] for start in range(len(key) - FRAGMENT_CHARACTERS + 1)}
    assert not any(part in shown for part in parts)
    assert shown.startswith("before ")
    assert CUT in shown


@given(st.text(), KEYS)
def test_text_without_the_key_stays_as_it_is(text: str, key: str) -> None:
    if not any(key[at : at + FRAGMENT_CHARACTERS] in text for at in range(len(key))):
        assert redactor(key).redact(text) == text


def test_several_secrets_are_cut_and_their_neighbours_kept() -> None:
    found = redactor("tr_prod_abcdefghijkl", "a-relay-token-of-24-signs", "short1", "x")
    text = "key tr_prod_abcdefghijkl, token a-relay-token-of-24-signs; short1 x tr_prod_ y"
    assert found.redact(text) == f"key {CUT}, token {CUT}; {CUT} x tr_prod_ y"


SECRET_LIKE = ["tr_dev_aVerySecretKey0123456789", "tr_prod_abcdef", "tr_stg_0123456789abcdef"]
SECRET_LIKE += ["tr_preview_0123456789abcdef", "tr_pat_0123456789abcdef", "tr_live1_sk_0123456789abcdef"]
SECRET_LIKE += ["eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJlbnYifQ.c2lnbmF0dXJl"]


@pytest.mark.parametrize("secret", SECRET_LIKE)
@pytest.mark.parametrize("form", ["{}", "tag:{}", "x_{}", "runs?tag={}", "a {} b"])
def test_typed_key_of_any_session_is_found(secret: str, form: str) -> None:
    text = form.format(secret)
    assert secret[-6:] not in redactor().cut(text)
    for _ in range(7):
        assert redactor().finds(text)
        text = quote(text, safe="").replace("_", "%5F")


def test_key_pasted_behind_other_letters_is_found() -> None:
    assert redactor().finds("chargetr_dev_aVerySecretKey0123456789")
    for text in ("error:s3cret-of-the-relay", "q=s3cret%2Dof%2Dthe%2Drelay"):
        assert redactor("s3cret-of-the-relay").finds(text)
    for ordinary in ("task:charge-card", "tag:tr_import", "attr_dev_mode", "eyjafjallajokull", "run_cmwuqwphl0", ""):
        assert not redactor("tr_dev_aVerySecretKey0123456789").finds(ordinary)
        assert redactor().cut(ordinary) == ordinary
