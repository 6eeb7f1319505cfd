"""Scans the JSON of `/trace` node by node, without recursion, so that the caller can yield to the event loop.

The standard decoder takes a whole response at once, and fails on a trace of some 490 levels.
"""

import json
import re
import sys
from collections.abc import Generator, Iterator
from typing import Final

from tui.domain.run import Json
from tui.lazy_dataclass import dataclass
from tui.wire.errors import ServerFault
from tui.wire.json_limits import MAX_ITEMS, within_bounds
from tui.wire.limits import Limits

SLICE_NODES: Final = 50
"""Nodes that are scanned in one slice, which takes about a millisecond."""

MAX_NODE_BYTES: Final = 256 * 1024
"""From this size on, the arrays and objects inside one node are cut at MAX_ITEMS before they are decoded."""

_SPACE: Final = re.compile(r"[ \t\n\r]*")
_COMMA: Final = re.compile(r"[ \t\n\r]*,[ \t\n\r]*")
_PLAIN_KEY: Final = re.compile(r'"([A-Za-z]*)"[ \t\n\r]*:[ \t\n\r]*')
_scan: Final = json.JSONDecoder().raw_decode


@dataclass(slots=True, eq=False)
class TraceNode:
    """One node of a trace as it came. `parent` is the index of the node around it, -1 for the root.

    `fields` has all keys of the node except `children`.
    """

    parent: int
    depth: int
    fields: dict[str, Json]


class TraceScanner:
    """Scans one response. When `slices` is exhausted, `nodes` has all nodes, parents first, in the server's order."""

    def __init__(self, body: bytes, limits: Limits | None = None) -> None:
        """With `limits`, the items inside a huge node are cut, which `limits` records."""
        self.nodes: list[TraceNode] = []
        self.trace_id = ""
        self.is_truncated = False
        self._body = body
        self._limits = limits
        self._text = ""

    def slices(self) -> Iterator[None]:
        """Scan the response, and yield after each slice.

        Raises `ServerFault` if it is not JSON, has no root node, or has a value that is nested too deep.
        """
        try:
            self._text = _decode_text(self._without_long_items())
            self._body = b""
            yield
            yield from self._scan_response()
        except (ValueError, RecursionError):
            raise ServerFault("the trace could not be read: not JSON, or nested too deep", 200) from None
        finally:
            self._text = ""
        if not self.nodes:
            raise ServerFault("the trace could not be read: no root span", 200)

    def _without_long_items(self) -> bytes:
        if self._limits is None:
            return self._body
        parts = self._body.split(b'"children"')
        if all(len(part) < MAX_NODE_BYTES or part.count(b",") < MAX_ITEMS for part in parts):
            return self._body
        body, longest = within_bounds(self._body, max_depth=len(self._body))
        if longest > MAX_ITEMS:
            self.is_truncated = True
            self._limits.note(
                f"{longest:,} items in one array or object of a trace, only the first {MAX_ITEMS:,} are read"
            )
        return body

    def _scan_response(self) -> Iterator[None]:
        """Scan the two objects around the root node. `isTruncated` may be in either of them."""
        text, depth = self._text, 1
        at = self._after(self._space(0), "{")
        while depth:
            if text[at : at + 1] == "}":
                at, depth = self._space(at + 1), depth - 1
            else:
                key, at = self._key(at)
                is_object = text[at : at + 1] == "{"
                if depth == 1 and key == "trace" and is_object:
                    at, depth = self._space(at + 1), 2
                    continue
                if depth == 2 and key == "rootSpan" and is_object and not self.nodes:
                    at = yield from self._scan_root(at)
                else:
                    value, at = _scan(text, at)
                    self._note(key, value, depth)
            if depth:
                at = self._next(at, "}")
        if at != len(text):
            raise ValueError(at)

    def _note(self, key: str, value: Json, depth: int) -> None:
        if key == "isTruncated" and value is True:
            self.is_truncated = True
        elif depth == 2 and key == "traceId" and isinstance(value, str):
            self.trace_id = value

    def _scan_root(self, at: int) -> Generator[None, None, int]:
        """Scan the root node and everything below it. Return the index after it.

        `above` has the indexes of the nodes around the place. The place is inside the last one, or in its `children`.
        """
        text, nodes = self._text, self.nodes
        above: list[int] = []
        is_in_children = True
        while True:
            sign = text[at : at + 1]
            if is_in_children and sign == "{":
                nodes.append(TraceNode(above[-1] if above else -1, len(above), {}))
                above.append(len(nodes) - 1)
                at, is_in_children = self._space(at + 1), False
                if len(nodes) % SLICE_NODES == 0:
                    yield
            elif is_in_children and sign == "]":
                at, is_in_children = self._next(at + 1, "}"), False
            elif is_in_children:  # no object: not a node
                _, at = _scan(text, at)
                at = self._next(at, "]")
            elif sign == "}":
                above.pop()
                if not above:
                    return at + 1
                at, is_in_children = self._next(at + 1, "]"), True
            else:
                key, at = self._key(at)
                if key == "children" and text[at : at + 1] == "[":
                    at, is_in_children = self._space(at + 1), True
                else:
                    value, at = _scan(text, at)
                    nodes[above[-1]].fields[key] = _with_shared_keys(value)
                    at = self._next(at, "}")

    def _key(self, at: int) -> tuple[str, int]:
        """Return a key and the index of its value. Raises ValueError."""
        plain = _PLAIN_KEY.match(self._text, at)
        if plain is not None:
            return sys.intern(plain[1]), plain.end()
        if self._text[at : at + 1] != '"':
            raise ValueError(at)
        key, at = _scan(self._text, at)
        return key, self._after(self._space(at), ":")

    def _next(self, at: int, end: str) -> int:
        """Return the index of the next item behind a comma, or of `end`. Raises ValueError for anything else."""
        comma = _COMMA.match(self._text, at)
        if comma is not None:
            return comma.end()
        at = self._space(at)
        if self._text[at : at + 1] != end:
            raise ValueError(at)
        return at

    def _after(self, at: int, sign: str) -> int:
        """Return the index after `sign`, and after the spaces behind it. Raises ValueError if it is not there."""
        if self._text[at : at + 1] != sign:
            raise ValueError(at)
        return self._space(at + 1)

    def _space(self, at: int) -> int:
        """Return the index of the next character that is no space."""
        return _SPACE.match(self._text, at).end()  # type: ignore[union-attr]  # it always matches


def _with_shared_keys(value: Json) -> Json:
    """Return an object with keys that all nodes share: the decoder makes new ones, a third of a trace's memory."""
    return {sys.intern(key): each for key, each in value.items()} if type(value) is dict else value


def _decode_text(body: bytes) -> str:
    try:
        return body.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return body.decode("utf-8", "replace")
