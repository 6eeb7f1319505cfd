"""Shows what happened while the user was away, at the first key."""
