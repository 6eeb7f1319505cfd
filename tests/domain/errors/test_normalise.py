"""Messages are normalised: data becomes placeholders; codes and names stay."""

import re
import uuid
from collections.abc import Callable
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.domain.labelled_errors import DATA, LabelledError, labelled_errors
from tui.domain.error import build_error
from tui.domain.error_kinds import MAX_NORMALISED_CHARS, kind_of, normalise
from tui.domain.text import Raw

LABELLED = [each for path in sorted(DATA.iterdir()) for each in labelled_errors(path.name)]
LETTERS = "0123456789abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ"

# What is data in every message, and how to make another value of its kind.
VALUES: dict[str, Callable[[Random], str]] = {
    r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b": lambda r: str(uuid.UUID(int=r.getrandbits(128))),
    r"(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}:\d{2,5}\b": lambda r: (
        f"10.{r.randrange(256)}.0.{r.randrange(256)}:{r.randrange(80, 9999)}"
    ),
    r"\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z": lambda r: (
        f"20{r.randrange(10, 99)}-11-0{r.randrange(1, 9)}T1{r.randrange(10)}:00:00Z"
    ),
    r"(?<=\b(?:cus|sub|run|req|org)[_-])\w{12,}\b": lambda r: "".join(r.choice(LETTERS) for _ in range(13)) + "7",
    r"(?<![\w.<])[\w.+]+@[a-z]+\.(?:io|com|org)\b": lambda r: f"u{r.randrange(1000)}.x@host{r.randrange(9)}.io",
    r"(?<![\w.,-])\d+(?= ?(?:ms|seconds?|minutes?|rows|tokens|bytes|MB|attempts)\b)": lambda r: str(
        r.randrange(2, 99_999)
    ),
    r"(?<=[Oo]rder )\d+": lambda r: str(r.randrange(2, 99_999)),
    r"(?<=position )\d+": lambda r: str(r.randrange(2, 99_999)),
}


def with_other_data(message: str, random: Random) -> str:
    for pattern, other in VALUES.items():
        parts = re.split(f"({pattern})", message)
        message = "".join(other(random) if index % 2 else part for index, part in enumerate(parts))
    return message


@given(st.sampled_from(LABELLED), st.randoms(use_true_random=False))
def test_other_data_does_not_change_the_kind(labelled: LabelledError, random: Random) -> None:
    error = labelled.error
    message = with_other_data(error.message, random)
    stack = None if error.stack is None else error.stack.replace(error.message, message)
    changed = build_error(message, name=error.name, stack=stack)
    assert kind_of(changed) == kind_of(error), message


@given(
    st.text(max_size=300)
    | st.lists(st.sampled_from(["{", "[", '"', "'", "a:", "1", "\n", "at f (a:1:2)", "<"])).map("".join)
)
def test_any_text_is_normalised(text: str) -> None:
    once = normalise(Raw(text))
    assert len(once) <= MAX_NORMALISED_CHARS
    assert "\n" not in once


@pytest.mark.parametrize(
    ("message", "normalised"),
    [
        ('column "plan_tier" does not exist', "column 'plan_tier' does not exist"),
        (
            'violates constraint "FK_145532db85752b29c57d2b7b1f1"',
            "violates constraint 'FK_145532db85752b29c57d2b7b1f1'",
        ),
        ("data/items/17/price must be number", "data/items/<n>/price must be number"),
        ("/orders/12/lines/0/sku must be string", "/orders/<n>/lines/<n>/sku must be string"),
        ('"items[3].price" must be a number', "'items[<n>].price' must be a number"),
        ("Request failed with status code 503", "Request failed with status code 503"),
        ("Upstream returned 502 on attempt 3", "Upstream returned 502 on attempt <n>"),
        ("upstream returned 502 rows", "upstream returned <n> rows"),
        ("order 404 not found", "order <n> not found"),
        ("429 Too Many Requests", "429 Too Many Requests"),
        ("ORA-00001: unique constraint (A.SYS_C1) violated", "ORA-00001: unique constraint (A.SYS_C1) violated"),
        ("getaddrinfo ENOTFOUND db", "getaddrinfo ENOTFOUND <addr>"),
        ("cannot open C:\\Users\\me\\a b.txt", "cannot open <path>"),
        ('{"b":1,"code":"X","message":"order 7 is late"}', "{code: X, message: order <n> is late}"),
        ('{"a":1,"b":[2]}', "{a, b}"),
        ("1 of 1 rows failed", "<n> of <n> rows failed"),
        ("Cannot find module './a1b2c3d4e5/x.js'", "Cannot find module './<n>/x.js'"),
        ("the policy forbids s3:PutObject", "the policy forbids s3:PutObject"),
        (
            "Invalid `a.b()` invocation in\n/app/x.ts:1:2\n\n  1 const a = 1\n→ 2 a.b(\nUnique",
            "Invalid 'a.b()' invocation: Unique",
        ),
        ("Duplicate entry 'a' for key 'users.UQ_97672ac88f'", "Duplicate entry '…' for key 'users.UQ_97672ac88f'"),
        ("failed constraint=FK_145532db85752b29c57d2b7b1f1", "failed constraint=FK_145532db85752b29c57d2b7b1f1"),
        ("body.items.0.price: Required", "body.items.<n>.price: Required"),
        ("Invalid value at 'items/0/price'", "Invalid value at 'items/<n>/price'"),
        ('{"errors":{"name":["is taken"],"email":["is bad"]}}', "{errors: {email: is bad, name: is taken}}"),
        ('{"errors":["Order 7 is sold out"]}', "{errors: Order <n> is sold out}"),
        ("Unrecognized name at [12:41]", "Unrecognized name at [<n>]"),
        ("1024x768 is too small", "<n> is too small"),
        ("Upload V1StGXR8_Z5jdHi6B-myT is gone", "Upload <id> is gone"),
        ("Error: 0x80070005", "Error: 0x80070005"),
        ("FATAL: 28P01", "FATAL: 28P01"),
        ("no route to fe80::1ff:fe23:4567:890a%eth0", "no route to <addr>"),
        ('insert into "orders" ("id") values ($1)', "insert into 'orders' ('…') values ($<n>)"),
        ("err=E_MAP rows=8", "err=E_MAP rows=…"),
        ("Expected png, got text/html", "Expected png, got '…'"),
        ("IBAN GB29 NWBK 6016 1331 9268 19 bounced", "IBAN <n> bounced"),
        ("529 overloaded_error: try later", "529 overloaded_error: try later"),
        ("trigger.dev internal error (X)", "trigger.dev internal error (X)"),
        ("search for 'a' in 'b'", "search for '…' in '…'"),
        ("operator to search for 'a' in 7", "operator to search for 'a' in '…'"),
        ("", ""),
    ],
)
def test_message_is_normalised(message: str, normalised: str) -> None:
    assert normalise(Raw(message)) == normalised


@pytest.mark.parametrize(
    "unit", ["-", "@", "[{", "1:", "'a", '"', "a.", "„", "A\\'", "{a:", "\n", "<", "Text: ", " for A", "a:b", "aB"]
)
def test_hostile_message_is_read_once(unit: str) -> None:
    # A quadratic search of 64 KB takes minutes. The test would time out.
    normalise(Raw(unit * (65_536 // len(unit))))
