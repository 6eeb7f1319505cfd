"""What is known of an environment: runs merged out of patches that come in any order, indexed, filtered and sorted.

Pure and synchronous: `Store.apply(update)` answers with what changed. Nothing here asks for data, knows the time
(an update brings it) or how a run looks.
"""
