"""What happened while the user was away, in lines."""
