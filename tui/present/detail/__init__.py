"""The page about one run: what became of it and why, its life, its facts, its values."""
