"""Messages are normalised: data becomes placeholders; codes and names stay, whatever is remembered of others."""

import re
import uuid
from collections.abc import Callable
from random import Random
from string import digits
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.domain.labelled_errors import DATA, LabelledError, labelled_errors
from tui.domain import error_kinds
from tui.domain.error import build_error
from tui.domain.error_kinds import MAX_NORMALISED_CHARS, kind_of, normalise, with_specimens
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


# Without one of these messages, a rule could be left out unseen.
@pytest.mark.parametrize(
    ("message", "normalised"),
    [
        ("data/items/17/price must be number", "data/items/<n>/price must be number"),
        ("Request failed with status code 503", "Request failed with status code 503"),
        ("upstream returned 502 rows", "upstream returned <n> rows"),
        ("order 404 not found", "order <n> not found"),
        ("429 Too Many Requests", "429 Too Many Requests"),
        ("ORA-00001: unique constraint (A.SYS_C1) violated", "ORA-00001: unique constraint (A.SYS_C1) violated"),
        ("getaddrinfo ENOTFOUND db", "getaddrinfo ENOTFOUND <addr>"),
        ("cannot open C:\\Users\\me\\a b.txt", "cannot open <path>"),
        ('{"b":1,"code":"X","message":"order 7 is late"}', "{code: X, message: order <n> is late}"),
        ("the policy forbids s3:PutObject", "the policy forbids s3:PutObject"),
        (
            "Invalid `a.b()` invocation in\n/app/x.ts:1:2\n\n  1 const a = 1\n→ 2 a.b(\nUnique",
            "Invalid 'a.b()' invocation: Unique",
        ),
        ("Duplicate entry 'a' for key 'users.UQ_97672ac88f'", "Duplicate entry '…' for key 'users.UQ_97672ac88f'"),
        ("Invalid value at 'items/0/price'", "Invalid value at 'items/<n>/price'"),
        ('{"errors":{"name":["is taken"],"email":["is bad"]}}', "{errors: {email: is bad, name: is taken}}"),
        ("Unrecognized name at [12:41]", "Unrecognized name at [<n>]"),
        ("Upload V1StGXR8_Z5jdHi6B-myT is gone", "Upload <id> is gone"),
        ("Error: 0x80070005", "Error: 0x80070005"),
        ("no route to fe80::1ff:fe23:4567:890a%eth0", "no route to <addr>"),
        ('insert into "orders" ("id") values ($1)', "insert into 'orders' ('…') values ($<n>)"),
        ("err=E_MAP rows=8", "err=E_MAP rows=…"),
        ("Expected png, got text/html", "Expected png, got '…'"),
        ("IBAN GB29 NWBK 6016 1331 9268 19 bounced", "IBAN <n> bounced"),
        ("529 overloaded_error: try later", "529 overloaded_error: try later"),
        ("operator to search for 'a' in 7", "operator to search for 'a' in '…'"),
    ],
)
def test_message_is_normalised(message: str, normalised: str) -> None:
    assert normalise(Raw(message)) == normalised


@pytest.mark.parametrize(
    ("message", "other"),
    [
        ("customer email is invalid", "customer phone is invalid"),
        ("Unknown argument: foo", "Unknown argument: bar"),
        ("Invalid type: string", "Invalid type: number"),
        ("foo.bar is not a function", "foo.baz is not a function"),
        ("Cannot read properties of undefined (reading 'a')", "Cannot read properties of null (reading 'a')"),
        ("ER_DUP_ENTRY: x", "ER_NO_REFERENCED_ROW_2: x"),
        ("queue emails is paused", "queue reports is paused"),
        ("HTTP 404", "HTTP 500"),
        ("failed with 401", "failed with 403"),
        ("SIGKILL", "SIGTERM"),
        ("exited with code 1", "exited with code 2"),
        ("(401) no", "(403) no"),
        ("Cannot find module './lib/a'", "Cannot find module './lib/b'"),
        ("/a/0/price must be x", "/a/0/name must be x"),
        ('"a" is required', '"b" is required'),
        ('{"code":"A"}', '{"code":"B"}'),
        ("Missing env STRIPE_KEY", "Missing env RESEND_KEY"),
        ("Environment variable not found: A_KEY.", "Environment variable not found: B_KEY."),
        ("Error: Unexpected token '<'", "Error: Unexpected token '}'"),
        ("connect ECONNREFUSED 1.1.1.1:1", "connect ETIMEDOUT 1.1.1.1:1"),
        ("535-5.7.8 bad", "534-5.7.9 bad"),
        ("No such customer: 'cus_1'", "No such price: 'price_1'"),
        ("Tool 'refundOrder' failed", "Tool 'cancelOrder' failed"),
        ("step=fetch failed", "step=store failed"),
        ("GET https://a.io/b 404: x", "GET https://a.io/b 410: x"),
        ("Foreign key constraint violated: `a_fkey (index)`", "Foreign key constraint violated: `b_fkey (index)`"),
        ("Raw query failed. Code: `40001`.", "Raw query failed. Code: `23505`."),
        ("Timeout awaiting 'request' for 5ms", "Timeout awaiting 'socket' for 5ms"),
        ("No token for Stripe: expired", "No token for Shopify: expired"),
        ("Migration 20260301_add_vat failed", "Migration 20260412_split_names failed"),
        ("error:0A00010B:SSL routines::x", "error:0A000410:SSL routines::x"),
        ("step2build3 is late", "step2deploy3 is late"),
    ],
)
def test_messages_of_two_kinds_stay_apart(message: str, other: str) -> None:
    assert kind_of(build_error(message)).fingerprint != kind_of(build_error(other)).fingerprint


@pytest.mark.parametrize(
    ("message", "other"),
    [
        ("Job KLGYvUtlcj is gone", "Job XqWbRzTkpm is gone"),
        ("Voucher UrqH-8BAl-iuqY is used", "Voucher 3nmK-u0L0-n6aV is used"),
        ("Lock report:acme:2026-09-13 was lost", "Lock report:globex:2026-04-25 was lost"),
        ("Batch 3 failed for Hooli: closed", "Batch 4 failed for Café du Port: closed"),
        ("Account for Priya Nair (p@acme.io) is frozen", "Account for Sam O'Neil (s@acme.io) is frozen"),
        ("Upload of q3 report final.docx failed", "Upload of IMG_4821.HEIC failed"),
        ("q3 report final.docx is encrypted", "invoice-2291.pdf is encrypted"),
        ("No price for SKU aaIu-2739 in GBP", "No price for SKU 3PRL-7691 in USD"),
        ("Invalid cron expression: * * 84 * *", "Invalid cron expression: 77 * * * *"),
        ("Row 3: amount is not a number (gift-card)", "Row 9: amount is not a number (n/a)"),
        ("tenant acme: index build failed", "tenant kiwi-bikes: index build failed"),
        ("Store failed after 3s", "Store failed after 9s (attempt 2 of 5)"),
        ("fails for [None, Conflict]", "fails for [Conflict, None, None]"),
        ("only €5.00 left", "only $12 left"),
        ("worker gpu-eu-3 is gone", "worker w-12 is gone"),
        ("1 of 3 items is over", "2 of 3 items are over"),
        ("Cannot convert x y to a BigInt", "Cannot convert 12.5 to a BigInt"),
        ("Row 1 has 1 column", "Row 1 has 3 columns"),
    ],
)
def test_messages_of_one_kind_come_together(message: str, other: str) -> None:
    assert kind_of(build_error(message)).fingerprint == kind_of(build_error(other)).fingerprint


MESSAGES = [each.error.message for path in sorted(DATA.iterdir()) for each in labelled_errors(path.name)]
# Words, signs and the beginnings of values, after and before which a number may be something else.
NEIGHBOURS = re.findall(
    r"[^|]+",
    "code=|status code |HTTP/1.1 |errno |sqlstate |exit code |error number |returned |GET /a |(code |# |#|"
    "(|)|\"|'|`|column |constraint |index \"|table |relation (|module '|property |key (email)=(|id: |Id=|"
    "order |customer |Customer |for |by |Invalid thing: |Invalid cron expression: |nvalid currency code: |"
    "invalid language tag: |. Received |job |ray ID: |SKU |host.com:|redis:|connect ECONNREFUSED |+49 |"
    "+1 (|GB29 NWBK |Jan 12 |Mon, Jan 1|12:30 |2026-11-26 |12 |UTC+|version |v|at |http://a.io/(|"
    "http://a.io/ |arn:aws:x:(|C:\\a |/tmp/a b.|/tmp/a |a=(|a=[|, |; |. |.|: |:| - |-|_|/|@|%|+|*|***|…|📦 |"
    "é |\n| rows|s|ms| is late| must be string| Not Found| Bad Gateway| UNAVAILABLE|7|9|6| is not iterable|"
    ' already exists|.pdf|5.7.1 |503 |535 5.7.8 |535-|[{"code": |{"message":"job |0|x|FK_|'
    "UQ_97672ac88f789774dd47f7c8be3|run_|cus_oBg0TGXFsi5y4o|8",
)
VALUE = re.compile(r"(?<![\w.-])[0-9]{4,}(?![\w.-])|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def value(random: Random) -> str:
    if random.random() < 0.2:
        return str(UUID(int=random.getrandbits(128), version=4))
    return "".join(random.choice(digits) for _ in range(random.randrange(1, 18)))


def with_other_values(message: str, random: Random) -> str:
    return VALUE.sub(lambda _: value(random), message)


def with_neighbours(random: Random) -> str:
    """Return a text of neighbours and values, or a message into which some of them were put."""
    parts = re.split(r"( )", random.choice(MESSAGES)) if random.random() < 0.5 else []
    for _ in range(random.randrange(1, 7)):
        at = random.randrange(len(parts) + 1)
        parts[at:at] = [random.choice([*NEIGHBOURS, " "]), value(random), random.choice([*NEIGHBOURS, " ", " ", ")"])]
    return "".join(parts)


def normalised_alone(message: str) -> str:
    """Return a message that is normalised without what is remembered of others."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(error_kinds, "MAX_CACHED_CHARS", -1)
        return normalise(Raw(message))


@given(st.sampled_from(MESSAGES), st.randoms(use_true_random=False))
def test_remembered_message_equals_its_own(message: str, random: Random) -> None:
    for number in range(4):
        other = with_other_values(f"{message} ({value(random)})" if number % 2 else message, random)
        assert normalise(Raw(other)) == normalised_alone(other)


@given(st.randoms(use_true_random=False).map(with_neighbours), st.randoms(use_true_random=False))
def test_remembered_value_equals_its_own_beside_any(message: str, random: Random) -> None:
    for _ in range(4):
        assert normalise(Raw(message)) == normalised_alone(message)
        message = with_other_values(message, random)


def test_messages_that_differ_in_numbers_share_specimens() -> None:
    for one, other in (
        ("job 123456 (request 98765)", "job 654321 (request 10000)"),
        ("(1234) is late; 4444. ", "(9999) is late; 1111. "),
    ):
        assert with_specimens(one) == with_specimens(other) is not None
    for text in ("order_12345", "code 503", "a.io:12345", "+12345", '"12345"', "FK_145532db85752b29", "12345-a"):
        assert with_specimens(text) is None, text
