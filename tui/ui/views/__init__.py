"""Views by their addresses: opening one, naming the one that is shown, and keeping them."""
