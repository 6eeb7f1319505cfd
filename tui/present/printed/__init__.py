"""What ls, show, tree and watch print."""
