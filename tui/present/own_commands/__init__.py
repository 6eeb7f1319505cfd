"""Commands of one's own: how they are named, asked about, and reported."""
