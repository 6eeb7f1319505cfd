"""The things of Trigger.dev as frozen values: runs, attempts, errors, spans, trees, updates.

This package does no IO, reads no clock and imports only the standard library. It does not know how values are decoded
(`api`), stored (`store`) or displayed (`text`, `features`).
"""
