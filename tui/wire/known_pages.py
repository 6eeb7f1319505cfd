"""Decodes pages of the runs list. A page that arrives again with the same bytes is not decoded again.

While nothing changes, the monitor reads the same page every few seconds: decoding its 100 rows takes 2 ms.
"""

from collections import deque
from datetime import datetime
from typing import Final

from tui.domain.run import Stamp
from tui.domain.update import RunPatch
from tui.lazy_dataclass import dataclass
from tui.wire.limits import Limits
from tui.wire.runs import ListPage, decode_page

MAX_PAGES: Final = 2
MAX_PAGE_BYTES: Final = 256 * 1024
"""A larger page is decoded each time. A page of 100 usual runs has 70 KB."""

MAX_HASHES: Final = 8
"""A page is kept when it arrives for the second time. The pages of a start, which are read once, take no memory."""


@dataclass(frozen=True, slots=True)
class _KnownPage:
    body: bytes
    page: ListPage


class KnownPages:
    """The last pages with their bytes, and what they were decoded to."""

    def __init__(self) -> None:
        self._known = deque[_KnownPage](maxlen=MAX_PAGES)
        self._hashes = deque[int](maxlen=MAX_HASHES)

    def decode(self, body: bytes, read_at: datetime, limits: Limits) -> ListPage:
        """Return what `decode_page` returns. Raises `ServerFault`."""
        for known in tuple(self._known):
            if known.body == body:
                return _read_again(known.page, read_at)
        page = decode_page(body, read_at, limits)
        if len(body) <= MAX_PAGE_BYTES and not limits.notes and not _depends_on_read_at(page):
            body_hash = hash(body)
            if body_hash in self._hashes:
                self._known.append(_KnownPage(body, page))
            self._hashes.append(body_hash)
        return page


def _read_again(page: ListPage, read_at: datetime) -> ListPage:
    patches = tuple(_patch_read_again(patch, read_at) for patch in page.patches)
    return ListPage(patches, read_at, page.next, page.unreadable, page.is_cut)


def _patch_read_again(patch: RunPatch, read_at: datetime) -> RunPatch:
    """Return the patch of a list row, which has these facets only, with the time of another response."""
    metadata = None
    if patch.metadata is not None:
        stamp, values = patch.metadata
        metadata = Stamp(stamp.updated_at, stamp.precision, read_at), values
    return RunPatch(patch.id, read_at, patch.fixed, patch.state, metadata, created_at=patch.created_at)


def _depends_on_read_at(page: ListPage) -> bool:
    """Return whether a row has no time of its own, so that the time of the response stands for it."""
    return any(patch.state is None or patch.state.updated_at == page.read_at for patch in page.patches)
