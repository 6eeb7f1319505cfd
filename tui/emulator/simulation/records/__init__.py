"""What an environment has beside its runs: deployments and waitpoint tokens."""
