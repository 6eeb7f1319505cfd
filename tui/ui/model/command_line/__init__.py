"""The state of the command line `:`, without Textual."""
