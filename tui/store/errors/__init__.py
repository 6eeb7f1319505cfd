"""What `store.error_groups` is made of: the counts of a span and the states of groups."""
