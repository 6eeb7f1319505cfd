"""The columns of a list while the user arranges them."""
