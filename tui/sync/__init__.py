"""The session, and the sources that keep its store up to date."""
