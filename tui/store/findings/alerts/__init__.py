"""Which findings of a verdict are new, so that each calls the user once."""
