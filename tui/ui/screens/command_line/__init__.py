"""The command line `:`, and the way to it and back to the view before."""
