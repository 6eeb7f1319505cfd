"""What happened since the last key: a bounded log of facts, and what is said of it."""
