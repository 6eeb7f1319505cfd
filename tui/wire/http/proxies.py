"""Which proxy a request goes through: `HTTP_PROXY`, `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY`, in either case."""

import os
import sys
from collections.abc import Mapping
from dataclasses import field
from typing import Final, Self

from tui.lazy_dataclass import dataclass
from tui.wire.http.url import HttpUrl, InvalidUrl

SCHEMES: Final = frozenset({"http", "https", "socks5", "socks5h"})
_HAS_SYSTEM_SETTINGS: Final = sys.platform in {"darwin", "win32"}


@dataclass(frozen=True, slots=True)
class Proxies:
    """The proxies by the scheme of the request."""

    by_scheme: Mapping[str, str] = field(repr=False)  # has passwords

    @classmethod
    def of_environment(cls) -> Self:
        """Read the environment."""
        if not _HAS_SYSTEM_SETTINGS and not any(name.lower().endswith("_proxy") for name in os.environ):
            return cls({})
        from urllib.request import getproxies  # noqa: PLC0415  4 ms, for those who have a proxy

        return cls(getproxies())

    def for_url(self, url: HttpUrl) -> HttpUrl | None:
        """Return the proxy for an address, None if there is none. Raises `InvalidUrl` for one that cannot be used."""
        text = self.by_scheme.get(url.scheme) or self.by_scheme.get("all")
        if not text or self._is_excepted(url):
            return None
        proxy = HttpUrl.of(text if "://" in text else f"http://{text}")
        if proxy.scheme not in SCHEMES or not proxy.host:
            raise InvalidUrl(f"a proxy is of the form http://host:port, or has one of {', '.join(sorted(SCHEMES))}")
        return proxy

    def _is_excepted(self, url: HttpUrl) -> bool:
        """Whether `NO_PROXY` names the host, one above it, or `*`. IPv6 addresses may have their brackets."""
        from urllib.request import proxy_bypass  # noqa: PLC0415  not needed without a proxy

        return any(proxy_bypass(host) for host in (url.host, url.netloc, "*"))
