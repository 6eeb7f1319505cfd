"""Queues as lines: the table, the sentences about one of them, and its last hour."""
