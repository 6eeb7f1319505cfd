"""The settings of a session, and where they come from: flags, variables, the config file, defaults."""
