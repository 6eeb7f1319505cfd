"""A page that arrives again with the same bytes equals the page that a new decoding returns."""

from datetime import timedelta

import pytest

from tests.support.wire.rows import READ_AT, ROW, page_body
from tui.api import runs as known_pages
from tui.api.errors import MAX_PAGE_ROWS, Limits
from tui.api.runs import MAX_HASHES, MAX_PAGES, KnownPages, decode_page

TIMES = dict.fromkeys(("createdAt", "updatedAt"), "2026-11-24T13:00:00.000Z")
LATER = READ_AT + timedelta(seconds=3)


@pytest.fixture
def decodings(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """The bodies that were decoded."""
    bodies: list[bytes] = []

    def decode(body: bytes, *arguments: object) -> object:
        bodies.append(body)
        return decode_page(body, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(known_pages, "decode_page", decode)
    return bodies


def body_of(number: int, **more: object) -> bytes:
    return page_body({**ROW, **TIMES, "id": f"run_{number}", "metadata": {"step": number}, **more})


def test_same_bytes_are_decoded_twice_at_most(decodings: list[bytes]) -> None:
    pages, body = KnownPages(), body_of(1)
    for seconds in range(5):
        read_at = READ_AT + timedelta(seconds=seconds)
        assert pages.decode(bytes(body), read_at, Limits()) == decode_page(body, read_at)
    assert len(decodings) == 2


def test_page_with_a_change_is_decoded(decodings: list[bytes]) -> None:
    pages = KnownPages()
    for body in (body_of(1), body_of(1), body_of(1, status="FAILED")):
        assert pages.decode(body, LATER, Limits()) == decode_page(body, LATER)
    assert len(decodings) == 3


def test_row_without_times_gets_the_time_of_each_response(decodings: list[bytes]) -> None:
    pages, body = KnownPages(), body_of(1, createdAt=None, updatedAt=None)
    for read_at in (READ_AT, READ_AT, LATER):
        assert pages.decode(body, read_at, Limits()) == decode_page(body, read_at)
    assert len(decodings) == 3


def test_truncation_is_reported_for_each_response() -> None:
    pages, body = KnownPages(), page_body(*[ROW] * (MAX_PAGE_ROWS + 1))
    for _ in range(3):
        pages.decode(body, READ_AT, limits := Limits())
        assert limits.notes


def test_few_pages_are_kept(decodings: list[bytes]) -> None:
    pages, bodies = KnownPages(), [body_of(number) for number in range(MAX_PAGES + 1)]
    for body in (*bodies, *bodies):
        pages.decode(body, READ_AT, Limits())
    decodings.clear()
    for body in reversed(bodies):
        pages.decode(body, READ_AT, Limits())
    assert decodings == bodies[:1]
    assert MAX_HASHES > MAX_PAGES
