"""Content codings: decode the body of an answer while it arrives, within a bound.

At most one coding is accepted, and only the one that the client asks for. A body never grows beyond its bound by more
than one step, whatever it unpacks to.
"""

import zlib
from collections.abc import Iterator
from io import BytesIO
from typing import Final

ACCEPTED: Final = "gzip"
"""The value of our `Accept-Encoding`. zlib can stop after so many bytes; the decoders of br and zstd that httpx would
use cannot.
"""

STEP_BYTES: Final = 1024 * 1024
"""What is decoded in one go, about a millisecond of work: the caller yields to the event loop between two steps."""

MAX_PACKING_BYTES: Final = 64 * 1024
"""By how much a packed body may be larger than what it unpacks to."""

_GZIP: Final = frozenset({"gzip", "x-gzip"})
_GZIP_WINDOW: Final = zlib.MAX_WBITS | 16


class CodingError(Exception):
    """A body that cannot be decoded. The text says why, in our own words."""


class BodyTooLarge(Exception):
    """A body beyond its bound."""


class BodyReader:
    """Collects one body from the chunks that the connection gives."""

    def __init__(self, content_encoding: str, max_bytes: int) -> None:
        """Take the value of `Content-Encoding`, and how many decoded bytes to accept. Raises `CodingError`."""
        codings = [word for part in content_encoding.lower().split(",") if (word := part.strip())]
        codings = [word for word in codings if word != "identity"]
        if len(codings) > 1:
            raise CodingError("an answer packed more than once")
        if not _GZIP.issuperset(codings):
            raise CodingError("an answer packed in a way that was not asked for")
        self._unpacker = zlib.decompressobj(_GZIP_WINDOW) if codings else None
        self._body = BytesIO()
        self._max_bytes = max_bytes
        self._received = 0

    def add(self, chunk: bytes) -> Iterator[None]:
        """Decode one chunk, step by step. Raises `BodyTooLarge` or `CodingError`."""
        self._received += len(chunk)
        if self._received > self._max_bytes + (0 if self._unpacker is None else MAX_PACKING_BYTES):
            raise self._drop()
        if self._unpacker is None:
            self._body.write(chunk)
            return
        # What follows the end of the packed data is ignored, as browsers do.
        while chunk and not self._unpacker.eof:
            try:
                self._keep(self._unpacker.decompress(chunk, STEP_BYTES))
            except zlib.error:
                raise CodingError("an answer that cannot be unpacked") from None
            chunk = self._unpacker.unconsumed_tail
            yield

    def body(self) -> bytes:
        """Return the decoded body at its end. Raises `CodingError` where packed data breaks off."""
        if self._unpacker is not None and self._received and not self._unpacker.eof:
            raise CodingError("an answer that cannot be unpacked")
        return self._body.getvalue()

    def _keep(self, part: bytes) -> None:
        self._body.write(part)
        if self._body.tell() > self._max_bytes:
            raise self._drop()

    def _drop(self) -> BodyTooLarge:
        """Free what was decoded: the error, and with it this object, may be kept until the next try."""
        self._body = BytesIO()
        return BodyTooLarge()
