"""Keys of one's own: how the file names keys, which bindings there are, and what a file may change about them."""
