"""Where the emulator differs by intent, and why; and what it does not serve at all.

What lives here: data. A difference is the number of a recording and where it is.
"""

HEADERS = (
    "content-type",
    "x-ratelimit-limit",
    "access-control-expose-headers",
    "access-control-allow-methods",
    "access-control-max-age",
    "x-should-retry",
    "location",
    "vary",
    "cache-control",
    "access-control-allow-origin",
    "electric-schema",
)
"""Headers that must have the recorded value. Not among them: `etag` and `content-length`, of no use to a client."""

ELECTRIC = (
    "electric-handle",
    "electric-offset",
    "electric-cursor",
    "electric-shape-id",
    "electric-chunk-last-offset",
)
PRESENT = ("x-ratelimit-remaining", "x-ratelimit-reset", "x-trigger-jwt", "x-trigger-jwt-claims", "date", *ELECTRIC)
"""Headers that must be there when they were recorded, and not otherwise."""

FEWER_HEADERS_FROM = 1000
"""Recordings from this number on kept only some headers: what they do not have is not compared."""

NOT_SERVED = {
    r"/api/v1/bulk-actions": "bulk actions come with the part of the program that uses them",
    r"/api/v1/errors": "error groups come with the part of the program that uses them",
    r"(GET /api/v1/runs/.id./)?events of a run": "762 and 764 are what 211e-241e show, polled while a run goes on",
    r"/api/v2/whoami": "takes personal access tokens, which the emulator does not have",
    r"/api/v1/orgs": "likewise",
    r"/api/v1/projects": "likewise",
    r"/api/v1/deployments": "is of the command line of Trigger.dev",
    r"/api/v1/schedules": "is of the command line of Trigger.dev",
}
"""Patterns of paths, and why nothing is there."""

INTENDED: dict[tuple[str, str], str] = {
    ("057", "emptiness"): "error groups are not served, so no filter names one",
    ("514", "$.pagination.next"): "likewise: an empty list has no next page",
    ("514", "emptiness"): "bulk actions are not served, so no filter names one",
    ("2655", "body"): "the recorded text quotes SQL of the server's own",
    ("925", "header access-control-expose-headers"): "asked of the trigger route, in place of the bulk route",
}
"""(number, where): why."""

UNORDERED = {
    "220": "two siblings began in one millisecond, and nothing says which is the first",
    "221": "likewise",
}
"""number: why what it says is compared without its order."""
