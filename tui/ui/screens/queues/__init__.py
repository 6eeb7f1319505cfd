"""The queues view: `screen` has its parts and actions, `keys` the keys that work in every pane of it."""
