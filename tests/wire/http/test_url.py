"""Addresses are read as httpx reads them."""

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.api.http import MAX_CHARS, HttpUrl, InvalidUrl

HOSTS = ("api.trigger.dev", "API.Example", "127.0.0.1", "[::1]", "bücher.example", "a_b", "name:pass@host", "u%40@host")
TEXTS = st.text(st.sampled_from("abZ09/.?#%&=+-_~!$'()*,;:@[]\\^`{|}\"<> é😀"), max_size=12)


def target_of(url: httpx.URL) -> str:
    """Return path and query, without the question mark before an empty query, which httpx keeps."""
    return (url.raw_path if url.query else url.raw_path.removesuffix(b"?")).decode()


@given(
    st.sampled_from(["http", "https"]),
    st.sampled_from(HOSTS),
    st.sampled_from(["", ":", ":80", ":443", ":3030"]),
    TEXTS.map("/".__add__),
)
def test_address_is_read_as_by_httpx(scheme: str, host: str, port: str, rest: str) -> None:
    text = f"{scheme}://{host}{port}{rest}"
    theirs, ours = httpx.URL(text), HttpUrl.of(text)
    assert (ours.scheme, ours.host, ours.port) == (theirs.scheme, theirs.raw_host.decode(), theirs.port)
    assert ours.netloc.encode() == theirs.netloc
    assert ours.target == target_of(theirs)


@given(TEXTS.map(lambda text: text.lstrip(": ").rstrip()))  # httpx takes `:` for an empty scheme
def test_reference_leads_where_httpx_says(reference: str) -> None:
    base = "https://api.example:8030/a/b?c=d"
    try:
        theirs = httpx.URL(base).join(reference)
    except httpx.InvalidURL:
        return
    try:
        ours = HttpUrl.of(base).join(reference)
    except InvalidUrl:
        return  # the caller refuses the redirect
    assert ours.origin == f"{theirs.scheme}://{theirs.netloc.decode()}"
    assert ours.target == target_of(theirs)


@pytest.mark.parametrize(
    "text",
    ["http://[", "http://[::g]", "http://a:b", "http://a:99999", "http://1.2.3.400", "http://a b/", "http://a/\n",
     "http://a/\ud800", "http://\ud800/", "http://" + "a" * MAX_CHARS, "http://xn--a.é..example"],
)  # fmt: skip
def test_address_that_cannot_be_requested_is_invalid(text: str) -> None:
    with pytest.raises(InvalidUrl):
        HttpUrl.of(text)


def test_signature_of_a_presigned_address_is_unchanged() -> None:
    signed = "/payload.json?X-Amz-Credential=a%2Fb%2Fs3&X-Amz-Signature=0f%2b'(1)!~*;:@,[x]|{y}`^"
    assert HttpUrl.of(f"https://store.example{signed}").target == signed


def test_user_stands_in_no_text() -> None:
    url = HttpUrl.of("https://name:secret@host/path?a=b#c")
    assert (url.user, url.fragment) == ("name:secret", "c")
    assert "secret" not in f"{url}{url.netloc}{url.origin}{url.target}"
