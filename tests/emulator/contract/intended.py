"""Intended differences from the recordings with their reasons, and the routes that are not served."""

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
"""Headers that must have the recorded value. `etag` and `content-length` are missing because no client needs them."""

ELECTRIC = ("electric-handle", "electric-offset", "electric-cursor", "electric-shape-id", "electric-chunk-last-offset")
PRESENT = ("x-ratelimit-remaining", "x-ratelimit-reset", "x-trigger-jwt", "x-trigger-jwt-claims", "date", *ELECTRIC)
"""Headers that must be present exactly when they were recorded."""

FEWER_HEADERS_FROM = 1000
"""From this number on, recordings kept only some headers. A header that is missing there is not compared."""

NOT_SERVED = {
    r"/api/v1/bulk-actions": "the program does not use bulk actions yet",
    r"(GET /api/v1/runs/.id./)?events of a run": "762 and 764 repeat 211e-241e, polled while a run is live",
    r"/api/v1/(query/schema|deployments/latest)": "neither the program nor the SDK reads it",
    r"/api/v2/whoami": "requires a personal access token, which the emulator lacks",
    r"/api/v1/orgs": "requires a personal access token, which the emulator lacks",
    r"/api/v1/projects": "requires a personal access token, which the emulator lacks",
}
"""Patterns of paths that are not served, with the reason."""

INTENDED: dict[tuple[str, str], str] = {
    ("514", "$.pagination.next"): "an empty list has no next page",
    ("514", "emptiness"): "bulk actions are not served, so the filter matches nothing",
    **{
        ("826", f"header x-ratelimit-{part}"): "here every route of deployments has the same limit"
        for part in ("limit", "remaining", "reset")
    },
    ("823", "$.data[].runtimeVersion"): "here a deployment is listed once its version is deployed",
    ("823", "$.data[].deployedAt"): "here a deployment is listed once its version is deployed",
    ("2655", "body"): "the recorded text quotes SQL of the server's own",
    ("925", "header access-control-expose-headers"): "sent to the trigger route in place of the bulk route",
}
"""The reason for each difference, by the number of the recording and the place in it."""

UNORDERED = {
    "220": "two siblings started in one millisecond, so their order is unknown",
    "221": "two siblings started in one millisecond, so their order is unknown",
}
"""The reason why a recording is compared without order, by its number."""
