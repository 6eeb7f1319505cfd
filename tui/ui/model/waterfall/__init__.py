"""The model of the waterfall: folds, zoom, and the lazy sequence of its rows."""
