"""Statuses, error bodies, rate-limit headers and times of the server, which are clamped."""

import json
import math
import tracemalloc
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.sure import sure
from tests.support.wire.requests import KEY, NOW
from tui.api.errors import (
    EARLIEST,
    LATEST,
    MAX_DURATION,
    RateLimited,
    Refused,
    ServerFault,
    clamp,
    read_duration_ms,
    read_duration_ns,
    read_epoch_ns,
    read_time,
)
from tui.api.responses import Response, read_rate_limit, response_error
from tui.domain.run import Json
from tui.settings.secret import Secret


def answer(status: int = 200, body: bytes = b"{}", headers: dict[str, str] | None = None) -> Response:
    return Response("GET /it", status, headers or {}, body, NOW)


@pytest.mark.parametrize("body", [b'{"error": "' + b"x " * 10**7 + b'"}', b"x " * 10**7], ids=["JSON", "text"])
def test_endless_error_body_is_not_read_to_its_end(body: bytes) -> None:
    tracemalloc.start()
    error = response_error(answer(500, body))
    peak_bytes = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert isinstance(error, ServerFault)
    assert len(str(error)) < 200
    assert peak_bytes < 5_000_000


def test_only_a_rejected_preview_key_mentions_its_branch() -> None:
    mentions = []
    for key in ("tr_preview_x1234567", "tr_preview_sk_x1234567", "tr_dev_x1234567"):
        error = response_error(Response("GET /api/v1/runs", 401, {}, b'{"error": "Invalid API key"}', NOW), Secret(key))
        mentions.append("TRIGGER_PREVIEW_BRANCH" in str(error))
    assert mentions == [True, True, False]


@pytest.mark.parametrize("body", ["", "plain text", "<html>", "[]", "3"])
def test_status_404_without_json_is_a_wrong_address(body: str) -> None:
    error = response_error(answer(404, body.encode()))
    assert type(error) is Refused
    assert "is TRIGGER_API_URL right?" in str(error)


RESET_MS = str(int(NOW.timestamp() * 1000) + 4_500)
SECONDS_OF_1970 = str(int(NOW.timestamp()) + 4)


@pytest.mark.parametrize(
    ("headers", "body", "expected_s"),
    [
        ({"x-ratelimit-reset": RESET_MS}, b'{"secondsUntilReset": 9}', 4.5),
        ({}, b'{"secondsUntilReset": 9.5}', 9.5),
        ({"x-ratelimit-reset": SECONDS_OF_1970}, b'{"secondsUntilReset": 9}', 9),
        ({"retry-after": "7"}, b"slow down", 7),
        ({"retry-after": "Tue, 24 Nov 2026 14:05:00 GMT"}, b"", 10),
        ({}, b'{"secondsUntilReset": -3}', 10),
        ({}, b'{"secondsUntilReset": 1e999}', 10),
        ({}, b"<html>Too many</html>", 10),
    ],
)
def test_rate_limited_wait_is_the_first_plausible_one(headers: dict[str, str], body: bytes, expected_s: float) -> None:
    error = response_error(answer(429, body, headers))
    assert isinstance(error, RateLimited)
    assert error.resets_in == timedelta(seconds=expected_s)


@pytest.mark.parametrize("missing", ["x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset"])
def test_rate_limit_needs_all_three_headers(missing: str) -> None:
    headers = {"x-ratelimit-limit": "750", "x-ratelimit-remaining": "-1", "x-ratelimit-reset": RESET_MS}
    rate_limit = sure(read_rate_limit(answer(headers=headers)))
    assert (rate_limit.limit, rate_limit.remaining, rate_limit.resets_in) == (750, 0, timedelta(seconds=4.5))
    assert read_rate_limit(answer(headers=headers | {missing: "NaN"})) is None
    without = {name: text for name, text in headers.items() if name != missing}
    assert read_rate_limit(answer(headers=without)) is None


@given(
    status=st.sampled_from([400, 401, 404, 409, 422, 429, 500, 503]),
    words=st.text() | st.text().map(lambda text: f"{text}{KEY}{text}") | st.just((" " * 600 + KEY) * 3),
    key=st.sampled_from(["error", "message", "detail", "title", "details", None]),
)
def test_server_message_is_one_line_without_the_key(status: int, words: str, key: str | None) -> None:
    value: Any = [{"message": words}] if key == "details" else words
    body = words.encode(errors="surrogatepass") if key is None else json.dumps({"error": "x", key: value}).encode()
    error = response_error(answer(status, body), Secret(KEY))
    text = str(error)
    assert text.isprintable()
    assert len(text) <= 200
    assert KEY not in text
    assert KEY[:12] not in text or KEY[:12] in words.replace(KEY, "")


LONG = "9" * 5000
"""More digits than Python converts to an integer."""

OFFSETS = st.timedeltas(timedelta(hours=-23), timedelta(hours=23)).map(timezone)
ANYTHING = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.from_regex(r"-?[0-9]{1,40}", fullmatch=True)
)


TIMES: list[tuple[Callable[[Json], object], Json, object]] = [
    (read_time, "2026-11-24T13:46:44.988Z", datetime(2026, 11, 24, 13, 46, 44, 988_000, tzinfo=UTC)),
    (read_time, "2026-11-24T13:46:44", datetime(2026, 11, 24, 13, 46, 44, tzinfo=UTC)),
    *((read_time, f"9999-12-31T23:59:59{zone}", LATEST) for zone in (".999Z", "-05:00")),
    *((read_time, f"0001-01-01T00:00:00{zone}", EARLIEST) for zone in ("Z", "+05:00")),
    (read_time, "+275760-09-13T00:00:00.000Z", LATEST),
    *((read_time, odd, None) for odd in ("", "soon", None, 17)),
    (read_epoch_ns, "1764000000123456789", datetime(2025, 11, 24, 16, 0, 0, 123_456, tzinfo=UTC)),
    (read_epoch_ns, "-1", EARLIEST),
    *((read_epoch_ns, large, LATEST) for large in ("9" * 40, 10**400)),
    *((read_epoch_ns, odd, None) for odd in (LONG, math.inf, math.nan, "soon", None, True)),
    (read_duration_ns, 1_500, timedelta(microseconds=1.5)),
    *((read_duration_ns, small, timedelta()) for small in (-1, -(10**400))),
    *((read_duration_ns, large, MAX_DURATION) for large in (1e300, 10**400)),
    *((read_duration_ns, odd, None) for odd in (math.inf, -math.inf, math.nan, LONG, "long", False, None)),
]


@pytest.mark.parametrize(("read", "value", "expected"), TIMES)
def test_time_or_duration_is_within_the_range_or_none(
    read: Callable[[Json], object], value: Json, expected: object
) -> None:
    found = read(value)
    assert found == expected
    assert not isinstance(found, datetime) or found.tzinfo is UTC


@given(ANYTHING, ANYTHING, ANYTHING)
def test_sums_of_parsed_values_never_overflow(time: Json, epoch_ns: Json, length: Json) -> None:
    times = [at for at in (read_time(time), read_epoch_ns(epoch_ns), EARLIEST, LATEST) if at is not None]
    lengths = [read_duration_ns(length) or timedelta(), read_duration_ms(length), MAX_DURATION]
    zone = timezone(timedelta(hours=-12))
    for at in times:
        for other in times:
            assert abs(at - other) * 4 < timedelta.max
        for each in lengths:
            assert timedelta() <= each <= MAX_DURATION
            (at + 10 * each).astimezone(zone)
            (at - each).astimezone(zone)


@given(st.datetimes(timezones=OFFSETS))
def test_any_time_is_clamped_to_utc_within_the_range(time: datetime) -> None:
    assert EARLIEST <= clamp(time) <= LATEST
    assert clamp(time).tzinfo is UTC
