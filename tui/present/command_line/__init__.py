"""The lines of the command line `:`."""
