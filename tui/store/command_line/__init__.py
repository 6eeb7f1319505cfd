"""The command line `:` without its screen: links, completions, counts, and the same as a shell command. Pure."""
