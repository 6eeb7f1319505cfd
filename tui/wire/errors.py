"""The exceptions of the API client, one for each reaction that a caller may need.

Everything that the client raises is an `ApiError`; httpcore exceptions never leave `wire`. An error's text holds the
method, the path, the status and a short message of the server, and never a key or a payload.
Source: tests/wire/recordings/README.md §10.
"""

from datetime import timedelta


class ApiError(Exception):
    """A request failed. The text is one clean line for people."""


class Unreachable(ApiError):
    """No response arrived: connection refused or reset, timeout, unknown host, bad certificate.

    `may_have_arrived`: the request may have reached the server and taken effect.
    """

    def __init__(self, text: str, *, may_have_arrived: bool) -> None:
        super().__init__(text)
        self.may_have_arrived = may_have_arrived


class ServerFault(ApiError):
    """The server failed (5xx), or its response cannot be used: HTML, truncated or undecodable JSON."""

    def __init__(self, text: str, status: int) -> None:
        super().__init__(text)
        self.status = status


class RateLimited(ApiError):
    """The server refused a request unprocessed (429). Retry it after `resets_in`."""

    def __init__(self, text: str, resets_in: timedelta) -> None:
        super().__init__(text)
        self.resets_in = resets_in


class Refused(ApiError):
    """The server rejected the request (400, 401, 403, 405, 409, 422 and other 4xx).

    `is_page`: with a web page, so that a proxy may have done so.
    """

    def __init__(self, text: str, status: int, *, is_page: bool = False) -> None:
        super().__init__(text)
        self.status = status
        self.is_page = is_page

    @property
    def is_about_the_key(self) -> bool:
        """Whether another key would help (401, 403)."""
        return self.status in {401, 403}

    @property
    def may_have_arrived(self) -> bool:
        """Whether a gateway timed out (408, 499), so that the server may have processed the request."""
        return self.status in {408, 499}


class TooExpensive(Refused):
    """The server wants a shorter period for a list or a query (422).

    The API's documentation describes this response; no recording has one.
    """

    def __init__(self, text: str) -> None:
        super().__init__(text, 422)


class TooManyQueries(Refused):
    """Too many queries of the project run at once (429). Other requests still work, and so will this one soon."""

    def __init__(self, text: str) -> None:
        super().__init__(text, 429)


class NotFound(Refused):
    """No such run, trace or span is visible to this key: 404 with a JSON body."""

    def __init__(self, text: str) -> None:
        super().__init__(text, 404)
