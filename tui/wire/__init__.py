"""JSON in, domain out: the one place that speaks HTTP to Trigger.dev.

What lives here: the client, the models of what the API sends, their conversion into domain values, and the
errors that a caller can meet. Nothing here decides when to ask, or what to do about an answer.
"""
