"""What can go wrong between us and the API, told apart by what a caller should do about it.

Everything the client raises is an `ApiError`; no `httpx` exception leaves `wire`. No message holds a key or a
payload: status, path and the server's own short text only. Source: wire/README.md §10.
"""

from datetime import timedelta


class ApiError(Exception):
    """A request that gave no usable answer. Its text is one line for a person, already cleaned."""


class Unreachable(ApiError):
    """No answer came: refused, reset, timed out, no such host, a bad certificate; `may_have_arrived` says whether the
    request could have taken effect all the same.
    """

    def __init__(self, text: str, *, may_have_arrived: bool) -> None:
        super().__init__(text)
        self.may_have_arrived = may_have_arrived


class ServerFault(ApiError):
    """An answer that blames the server (5xx), or that is no answer of this API (HTML, cut or undecodable JSON)."""

    def __init__(self, text: str, status: int) -> None:
        super().__init__(text)
        self.status = status


class RateLimited(ApiError):
    """429: nothing was done; ask again after `resets_in`."""

    def __init__(self, text: str, resets_in: timedelta) -> None:
        super().__init__(text)
        self.resets_in = resets_in


class Refused(ApiError):
    """The server understood and will not (400, 401, 403, 405, 409, 422 and other 4xx)."""

    def __init__(self, text: str, status: int) -> None:
        super().__init__(text)
        self.status = status

    @property
    def is_about_the_key(self) -> bool:
        """Whether another key would help (401, 403)."""
        return self.status in {401, 403}

    @property
    def may_have_arrived(self) -> bool:
        """Whether it is a gateway that gave up waiting (408, 499): the server may have acted all the same."""
        return self.status in {408, 499}


class TooExpensive(Refused):
    """422 to a list or a query: the server wants a narrower window of time.

    Source: the API's documentation of 4.8; no server was recorded that answers so.
    """

    def __init__(self, text: str) -> None:
        super().__init__(text, 422)


class NotFound(Refused):
    """404 with a JSON body: there is no such run, trace or span (for this key)."""

    def __init__(self, text: str) -> None:
        super().__init__(text, 404)
