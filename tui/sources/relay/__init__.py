"""The source of a screen that reads everything from a relay instead of the API."""
