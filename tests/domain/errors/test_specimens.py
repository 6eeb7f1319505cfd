"""Messages that differ in long numbers alone are normalised once, with the result that each has by itself."""

import re
from random import Random
from string import digits
from uuid import UUID

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.support.domain.labelled_errors import DATA, labelled_errors
from tui.domain import error_kinds
from tui.domain.error_kinds import normalise, with_specimens
from tui.domain.text import Raw

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


@example("code 1234")
@example("job 9999 with code 7777")
@given(st.text(alphabet="0123456789 code().:a-", max_size=40))
def test_kept_number_is_its_own(message: str) -> None:
    assert normalise(Raw(message)) == normalised_alone(message)
