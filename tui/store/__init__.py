"""The store: all known runs of an environment, merged from updates in any order, indexed, filtered and sorted.

`Store.apply(update)` returns the `Changes` that the update made. This package is synchronous, sends no requests and
reads no clock: times come with the updates.
"""
