"""What the company's payloads are filled with, and how one draws from it.

What lives here: pools of words and cheap draws. A draw costs a fraction of a microsecond, since a history of a hundred
thousand runs makes some millions of them. Hostile text is `hostile`'s.
"""

from collections.abc import Sequence
from random import Random
from typing import TypeVar

from tui.emulator.simulation.script import AddTags, Json

T = TypeVar("T")

FIRST_NAMES = ("ada", "bruno", "chen", "dilara", "emeka", "freya", "grace", "hugo", "ines", "jonas", "kemal", "lucia")
LAST_NAMES = ("okafor", "lindqvist", "moreau", "tanaka", "schmidt", "rossi", "haddad", "novak", "silva", "murphy")
DOMAINS = ("example.com", "northwind.test", "globex.test", "initech.test", "umbrella.example")
CURRENCIES = ("eur", "usd", "gbp", "sek", "jpy")
COUNTRIES = ("de", "fr", "gb", "jp", "se", "us")
PLANS = ("free", "starter", "pro", "enterprise")
LOCALES = ("en", "de", "fr", "ja", "ar", "pt-BR")
SOURCES = ("checkout", "subscription", "api", "backoffice")
REGIONS = ("eu-central-1", "us-east-1", "ap-northeast-1")

CUSTOMERS = 2_000
MAX_TAG_UNITS = 128


def pick(random: Random, pool: Sequence[T]) -> T:
    """One of the pool."""
    return pool[int(random.random() * len(pool))]


def between(random: Random, low: int, high: int) -> int:
    """A whole number, `high` excluded."""
    return low + int(random.random() * (high - low))


def skewed_ms(random: Random, low_ms: int, high_ms: int) -> int:
    """A time that is mostly near `low_ms`, and now and then near `high_ms`: the mean is a quarter of the way up."""
    return low_ms + int(random.random() ** 3 * (high_ms - low_ms))


def customer(random: Random) -> str:
    """As `cus_1042`; some come much more often than others."""
    return f"cus_{1000 + int(random.random() ** 2 * CUSTOMERS)}"


def address(random: Random) -> str:
    """As `ada.okafor@example.com`."""
    return f"{pick(random, FIRST_NAMES)}.{pick(random, LAST_NAMES)}@{pick(random, DOMAINS)}"


def order_tags(random: Random) -> tuple[str, ...]:
    """As `source:checkout`, and now and then `priority:high`."""
    source = f"source:{pick(random, SOURCES)}"
    return (source, "priority:high") if random.random() < 0.1 else (source,)


def of_customer(payload: Json) -> AddTags:
    """The tag that a task adds first of all: whose payload it is, as `customer:cus_1042`."""
    return AddTags((f"customer:{payload['customer']}"[:MAX_TAG_UNITS],))


def region_tags(random: Random) -> tuple[str, ...]:
    """As `region:us-east-1`, or none."""
    return (f"region:{pick(random, REGIONS)}",) if random.random() < 0.7 else ()
