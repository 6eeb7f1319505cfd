"""Reads the addresses of requests, and encodes characters that may not stand in them."""

from dataclasses import field
from ipaddress import AddressValueError, IPv4Address
from typing import Final, Self
from urllib.parse import quote, urljoin, urlsplit

from tui.lazy_dataclass import dataclass

MAX_CHARS: Final = 65_536

_DEFAULT_PORTS: Final = {"http": 80, "https": 443}
_SAFE_IN_PATHS: Final = "!$%&'()*+,/:;=@[\\]^|"
"""Only other characters are encoded: not `%`, since a part is encoded already, and none more than needed, since the
signature of a presigned address is about the text."""

_SAFE_IN_QUERIES: Final = _SAFE_IN_PATHS + "?`{}"
_NOT_IN_HOSTS: Final = frozenset(' "<>\\^`{|}%')


class InvalidUrl(ValueError):
    """The text is no address that a request could go to."""


@dataclass(frozen=True, slots=True)
class HttpUrl:
    """An address. All parts are ASCII; `host` is in lower case, an IPv6 address without its brackets.

    `port` is None for the usual one of the scheme. `user` is the part before the host, `name:password`.
    """

    scheme: str
    host: str
    port: int | None
    path: str
    query: str = ""
    fragment: str = ""
    user: str = field(default="", repr=False)

    @classmethod
    def of(cls, text: str) -> Self:
        """Parse an address. Raises `InvalidUrl`."""
        if len(text) > MAX_CHARS or any(char.isascii() and not char.isprintable() for char in text):
            raise InvalidUrl("the address is too long, or has a control character")
        try:
            parts = urlsplit(text)
            host, port = _host(parts.hostname or ""), parts.port
            path = quote(_without_dots(parts.path), _SAFE_IN_PATHS)
            query, fragment = quote(parts.query, _SAFE_IN_QUERIES), quote(parts.fragment, _SAFE_IN_QUERIES)
        except ValueError:  # UnicodeError too: lone surrogates, which JSON may hold
            raise InvalidUrl("the address cannot be read") from None
        port = None if port == _DEFAULT_PORTS.get(parts.scheme) else port
        return cls(parts.scheme, host, port, path, query, fragment, parts.netloc.rpartition("@")[0])

    def with_query(self, query: str) -> "HttpUrl":
        """Return the address with another query, which is encoded already."""
        return HttpUrl(self.scheme, self.host, self.port, self.path, query)

    def join(self, reference: str) -> "HttpUrl":
        """Return the address that a reference of the server leads to. Raises `InvalidUrl`."""
        try:
            return HttpUrl.of(urljoin(str(self), reference))
        except ValueError:
            raise InvalidUrl("the address cannot be read") from None

    @property
    def bracketed_host(self) -> str:
        """The host as it stands in an address: IPv6 has brackets."""
        return f"[{self.host}]" if ":" in self.host else self.host

    @property
    def netloc(self) -> str:
        """Host and port, as in the header `Host`."""
        return self.bracketed_host if self.port is None else f"{self.bracketed_host}:{self.port}"

    @property
    def origin(self) -> str:
        return f"{self.scheme}://{self.netloc}"

    @property
    def target(self) -> str:
        """Path and query, as in the first line of a request."""
        return f"{self.path or '/'}?{self.query}" if self.query else self.path or "/"

    def __str__(self) -> str:
        """Return the address without user and fragment."""
        return f"{self.origin}{self.path}" + (f"?{self.query}" if self.query else "")


def _host(host: str) -> str:
    """Return a host in ASCII. Raises ValueError."""
    if not host.isascii():
        import idna  # noqa: PLC0415  most hosts are ASCII

        return idna.encode(host).decode("ascii")  # its errors are UnicodeErrors
    if ":" not in host and not _NOT_IN_HOSTS.isdisjoint(host):
        raise InvalidUrl("the host has a character that no host has")
    if host.count(".") == 3 and host.replace(".", "").isdigit():
        try:
            IPv4Address(host)
        except AddressValueError:
            raise InvalidUrl("the host is not an IPv4 address") from None
    return host


def _without_dots(path: str) -> str:
    """Return a path without the segments `.` and `..` (RFC 3986 §5.2.4)."""
    segments = path.split("/")
    if "." not in segments and ".." not in segments:
        return path
    kept: list[str] = []
    for segment in segments:
        if segment == "..":
            if kept and kept != [""]:
                kept.pop()
        elif segment != ".":
            kept.append(segment)
    return "/".join(kept)
