"""The config file, as commands know it."""
