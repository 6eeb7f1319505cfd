"""The data behind the screen: subscriptions, fetches, the action queue, and saved filters."""
