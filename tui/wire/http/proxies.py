"""Which proxy a request goes through: `HTTP_PROXY`, `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY`, in either case."""

import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import field
from typing import Final, Self

from tui.lazy_dataclass import dataclass
from tui.wire.http.url import HttpUrl, InvalidUrl

SCHEMES: Final = frozenset({"http", "https", "socks5", "socks5h"})
_ALL: Final = "all"
_HAS_SYSTEM_SETTINGS: Final = sys.platform in {"darwin", "win32"}


@dataclass(frozen=True, slots=True)
class _Exception:
    """An entry of `NO_PROXY`. Empty parts and None match everything.

    `.example.com` is about the hosts below it, `example.com` about itself too.
    """

    scheme: str
    host: str
    port: int | None
    is_exact: bool

    @classmethod
    def of(cls, entry: str) -> Self:
        """Parse an entry. Raises `InvalidUrl`."""
        has_scheme = "://" in entry
        bare = entry.partition("/")[0]
        is_ipv6 = not has_scheme and bare.count(":") > 1
        host = f"[{bare}]" if is_ipv6 and not bare.startswith("[") else bare
        url = HttpUrl.of(entry if has_scheme else f"{_ALL}://{host}")
        is_exact = has_scheme or is_ipv6 or url.host.replace(".", "").isdigit() or url.host == "localhost"
        return cls("" if url.scheme == _ALL else url.scheme, url.host, url.port, is_exact)

    def matches(self, url: HttpUrl) -> bool:
        if (self.scheme and self.scheme != url.scheme) or (self.port is not None and self.port != url.port):
            return False
        if not self.host or self.host == "*":
            return True
        if self.is_exact or self.host.startswith("."):
            return url.host == self.host or (not self.is_exact and url.host.endswith(self.host))
        return url.host == self.host or url.host.endswith(f".{self.host}")


@dataclass(frozen=True, slots=True)
class Proxies:
    """The proxies by the scheme of the request, and where none is used."""

    by_scheme: Mapping[str, str] = field(repr=False)  # has passwords
    exceptions: Sequence[_Exception] = ()

    @classmethod
    def of_environment(cls) -> Self:
        """Read the environment. An entry of `NO_PROXY` that is no host is about none."""
        if not _HAS_SYSTEM_SETTINGS and not any(name.lower().endswith("_proxy") for name in os.environ):
            return cls({})
        from urllib.request import getproxies  # noqa: PLC0415  4 ms, for those who have a proxy

        found = getproxies()
        entries = [entry.strip() for entry in found.get("no", "").split(",")]
        if "*" in entries:
            return cls({})
        by_scheme = {scheme: found[scheme] for scheme in ("http", "https", _ALL) if found.get(scheme)}
        exceptions: list[_Exception] = []
        for entry in filter(None, entries if by_scheme else ()):
            with suppress(InvalidUrl):
                exceptions.append(_Exception.of(entry))
        return cls(by_scheme, tuple(exceptions))

    def for_url(self, url: HttpUrl) -> HttpUrl | None:
        """Return the proxy for an address, None if there is none. Raises `InvalidUrl` for one that cannot be used."""
        text = self.by_scheme.get(url.scheme) or self.by_scheme.get(_ALL)
        if text is None or any(each.matches(url) for each in self.exceptions):
            return None
        proxy = HttpUrl.of(text if "://" in text else f"http://{text}")
        if proxy.scheme not in SCHEMES or not proxy.host:
            raise InvalidUrl(f"a proxy is of the form http://host:port, or has one of {', '.join(sorted(SCHEMES))}")
        return proxy
