"""What Trigger.dev is made of, as frozen values: runs, attempts, errors, spans, trees, updates.

Pure: no IO, no clock, no library outside the standard one. Nothing here knows how a value came
(`wire`), where it is kept (`store`) or how it looks (`present`).
"""
