"""Collects the body of a response while it arrives, decompresses it if it is compressed, and limits its size.

The only accepted compression is gzip. A decompression bomb is rejected at most `STEP_BYTES` beyond the limit.
"""

import zlib
from collections.abc import Iterator
from io import BytesIO
from typing import Final

ACCEPTED: Final = "gzip"
"""The value of our `Accept-Encoding`. zlib can stop at a limit; the decoders of br and zstd cannot."""

STEP_BYTES: Final = 1024 * 1024
"""Bytes decompressed in one step, about a millisecond of work. The caller yields to the event loop between steps."""

MAX_OVERHEAD_BYTES: Final = 64 * 1024
"""gzip may make a body larger: a compressed body may exceed the limit of the decompressed one by this much."""

_GZIP: Final = frozenset({"gzip", "x-gzip"})
_GZIP_WINDOW: Final = zlib.MAX_WBITS | 16


class CodingError(Exception):
    """The body cannot be decompressed. The exception's text says why."""


class BodyTooLarge(Exception):
    """The body is larger than its limit."""


class BodyReader:
    """Collects one body from its chunks."""

    def __init__(self, content_encoding: str, max_bytes: int) -> None:
        """`content_encoding` is the header, `max_bytes` limits the decompressed body. Raises `CodingError`."""
        codings = [coding for part in content_encoding.lower().split(",") if (coding := part.strip())]
        codings = [coding for coding in codings if coding != "identity"]
        if len(codings) > 1:
            raise CodingError("the response is compressed more than once")
        if not _GZIP.issuperset(codings):
            raise CodingError("the response has a compression that was not requested")
        self._decompressor = zlib.decompressobj(_GZIP_WINDOW) if codings else None
        self._body = BytesIO()
        self._max_bytes = max_bytes
        self._received_bytes = 0

    def add(self, chunk: bytes) -> Iterator[None]:
        """Add one chunk, and yield after each step of decompression. Raises `BodyTooLarge` or `CodingError`."""
        self._received_bytes += len(chunk)
        if self._received_bytes > self._max_bytes + (0 if self._decompressor is None else MAX_OVERHEAD_BYTES):
            raise self._too_large()
        if self._decompressor is None:
            self._body.write(chunk)
            return
        # Bytes after the end of the gzip data are ignored, as in browsers.
        while chunk and not self._decompressor.eof:
            try:
                self._write(self._decompressor.decompress(chunk, STEP_BYTES))
            except zlib.error:
                raise CodingError("the response cannot be decompressed") from None
            chunk = self._decompressor.unconsumed_tail
            yield

    def body(self) -> bytes:
        """Return the whole decompressed body. Raises `CodingError` if the gzip data is incomplete."""
        if self._decompressor is not None and self._received_bytes and not self._decompressor.eof:
            raise CodingError("the response cannot be decompressed")
        return self._body.getvalue()

    def _write(self, part: bytes) -> None:
        self._body.write(part)
        if self._body.tell() > self._max_bytes:
            raise self._too_large()

    def _too_large(self) -> BodyTooLarge:
        """Free the memory of the body, and return the exception to raise.

        The exception's traceback refers to this object, and the caller may keep it until the next retry.
        """
        self._body = BytesIO()
        return BodyTooLarge()
