"""What the server answers, one module for each part of the API; each handler takes an `Asked` and gives an `Answer`."""
