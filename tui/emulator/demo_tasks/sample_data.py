"""Sample data for payloads, and functions that draw from it.

A draw costs a fraction of a microsecond, because a history of a hundred thousand runs makes millions of them.
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
    return pool[int(random.random() * len(pool))]


def between(random: Random, low: int, high: int) -> int:
    """A whole number from `low` up to but not including `high`."""
    return low + int(random.random() * (high - low))


def skewed_ms(random: Random, low_ms: int, high_ms: int) -> int:
    """A duration that is mostly near `low_ms` and sometimes near `high_ms`. The mean is a quarter of the way up."""
    return low_ms + int(random.random() ** 3 * (high_ms - low_ms))


def customer(random: Random) -> str:
    """Like `cus_1042`. Some customers are much more frequent than others."""
    return f"cus_{1000 + int(random.random() ** 2 * CUSTOMERS)}"


def address(random: Random) -> str:
    """Like `ada.okafor@example.com`."""
    return f"{pick(random, FIRST_NAMES)}.{pick(random, LAST_NAMES)}@{pick(random, DOMAINS)}"


def order_tags(random: Random) -> tuple[str, ...]:
    """Like `source:checkout`, sometimes with `priority:high`."""
    source = f"source:{pick(random, SOURCES)}"
    return (source, "priority:high") if random.random() < 0.1 else (source,)


def of_customer(payload: Json) -> AddTags:
    """The first step of a task: it tags the run with its customer, like `customer:cus_1042`."""
    return AddTags((f"customer:{payload['customer']}"[:MAX_TAG_UNITS],))


def region_tags(random: Random) -> tuple[str, ...]:
    """Like `region:us-east-1`, or none."""
    return (f"region:{pick(random, REGIONS)}",) if random.random() < 0.7 else ()
