"""Runs in REST's words: rows, lists and their filters, large payloads, the bodies of triggers.

What lives here: functions of the world. The routes over them are `routes.runs`.
"""
