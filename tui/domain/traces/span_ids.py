"""Ids of the spans of a log, in a compact form."""

from collections.abc import Sequence
from struct import iter_unpack
from typing import Final

from tui.domain.ids import SpanId

_PACKED_BYTES: Final = 8


class SpanIds(Sequence[SpanId]):
    """Ids of spans. Those of 16 hexadecimal digits, which the server uses, take 8 bytes each."""

    __slots__ = ("_odd", "_packed")

    def __init__(self) -> None:
        self._packed = bytearray()
        self._odd: dict[int, SpanId] = {}

    def append(self, span_id: SpanId) -> None:
        """Add an id."""
        try:
            packed = bytes.fromhex(span_id)
        except ValueError:
            packed = b""
        if len(packed) != _PACKED_BYTES or packed.hex() != span_id:
            self._odd[len(self)] = span_id
            packed = bytes(_PACKED_BYTES)
        self._packed += packed

    def permuted(self, order: Sequence[int]) -> "SpanIds":
        """Return the ids in another order. 25,000 of them take 5 ms."""
        ids = SpanIds()
        packed = [each for (each,) in iter_unpack(f"{_PACKED_BYTES}s", self._packed)]
        ids._packed = bytearray().join(map(packed.__getitem__, order))
        if self._odd:
            ids._odd = {new: self._odd[old] for new, old in enumerate(order) if old in self._odd}
        return ids

    def __len__(self) -> int:
        return len(self._packed) // _PACKED_BYTES

    def __getitem__(self, index: int) -> SpanId:  # type: ignore[override]  # no slices
        odd = self._odd.get(index) if self._odd else None
        start = index * _PACKED_BYTES
        return odd if odd is not None else SpanId(self._packed[start : start + _PACKED_BYTES].hex())

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SpanIds) and self._packed == other._packed and self._odd == other._odd

    __hash__ = None  # type: ignore[assignment]  # it grows
