"""Commands of one's own, from the config file."""
