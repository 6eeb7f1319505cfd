"""Decompression within a limit: no response fills the memory, however small it is on the wire."""

import gzip
import tracemalloc
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.api.responses import STEP_BYTES, BodyError, BodyReader

MEGABYTE = 1024 * 1024


def read(encoding: str, body: bytes, *, max_bytes: int = MEGABYTE, chunk_bytes: int = 65_536) -> bytes:
    reader = BodyReader(encoding, max_bytes)
    for start in range(0, len(body), chunk_bytes):
        for _ in reader.add(body[start : start + chunk_bytes]):
            pass
    return reader.body()


@given(st.binary(max_size=3000), st.integers(1, 500))
def test_body_is_decompressed_from_chunks_of_any_size(body: bytes, chunk_bytes: int) -> None:
    assert read("gzip", gzip.compress(body), chunk_bytes=chunk_bytes) == body
    assert read("", body, chunk_bytes=chunk_bytes) == body


@pytest.mark.parametrize("size", [STEP_BYTES - 1, STEP_BYTES, STEP_BYTES + 1, 3 * STEP_BYTES + 7])
def test_body_of_several_steps_is_decompressed_completely(size: int) -> None:
    assert read("x-gzip", gzip.compress(b"a" * size), max_bytes=size) == b"a" * size


def test_body_at_its_limit_is_accepted_and_one_above_is_not() -> None:
    for encoding, pack in (("gzip", gzip.compress), ("identity", bytes)):
        assert len(read(encoding, pack(bytes(1000)), max_bytes=1000)) == 1000
        with pytest.raises(BodyError, match="more than"):
            read(encoding, pack(bytes(1001)), max_bytes=1000)


@pytest.mark.parametrize("encoding", ["gzip, gzip", "identity, gzip ,gzip", "gzip,deflate", "GZIP,gzip", "br, gzip"])
def test_body_compressed_more_than_once_is_rejected(encoding: str) -> None:
    with pytest.raises(BodyError, match="compressed more than once"):
        BodyReader(encoding, MEGABYTE)


@pytest.mark.parametrize("encoding", ["br", "zstd", "deflate", "compress", "\x1b[31m", "gzip;q=1"])
def test_unrequested_coding_is_rejected(encoding: str) -> None:
    with pytest.raises(BodyError, match="not requested"):
        BodyReader(encoding, MEGABYTE)


@pytest.mark.parametrize(
    "packed",
    [gzip.compress(b"a" * 1000)[:-9], b"no gzip", gzip.compress(b"a")[:-8] + bytes(8), zlib.compress(b"a")],
    ids=["cut", "no gzip", "wrong checksum", "zlib"],  # the bytes contain the current time
)
def test_invalid_gzip_body_is_rejected(packed: bytes) -> None:
    with pytest.raises(BodyError, match="cannot be decompressed"):
        read("gzip", packed)


def test_decompression_bomb_stays_within_its_limit() -> None:
    bomb = gzip.compress(bytes(40 * MEGABYTE))
    tracemalloc.start()
    try:
        with pytest.raises(BodyError, match="more than"):
            read("gzip", bomb, max_bytes=4 * MEGABYTE, chunk_bytes=len(bomb))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 8 * MEGABYTE


def test_endless_empty_gzip_blocks_are_rejected() -> None:
    """Empty deflate blocks decompress to nothing, so the limit must count compressed bytes too."""
    packer = zlib.compressobj(wbits=31)
    block = packer.compress(b"") + packer.flush(zlib.Z_FULL_FLUSH)
    empty = packer.flush(zlib.Z_FULL_FLUSH) or b"\x00\x00\x00\xff\xff"
    with pytest.raises(BodyError, match="more than"):
        read("gzip", block + empty * 40_000, max_bytes=100_000)
