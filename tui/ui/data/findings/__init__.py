"""The data of wall and overview, kept up to date while they are shown."""
