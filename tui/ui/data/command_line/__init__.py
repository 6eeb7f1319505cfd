"""What the command line `:` reads, counts and remembers."""
