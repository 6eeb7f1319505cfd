"""Actions on runs: what a row and the messages say of them."""
