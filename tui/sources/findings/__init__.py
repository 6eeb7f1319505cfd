"""Reads the facts of the wall that are not runs: at most 14 requests a minute, only while there is a watcher."""
