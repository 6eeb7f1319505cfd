"""The attempts of a run, alone and beside each other."""
