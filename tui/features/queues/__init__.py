"""Queues: why runs wait."""
