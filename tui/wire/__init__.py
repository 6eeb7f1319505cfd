"""The HTTP client of the Trigger.dev API, and the decoding of its responses into domain values.

When to send a request, and what to do with the result, is decided in `sources` and `session`.
"""
