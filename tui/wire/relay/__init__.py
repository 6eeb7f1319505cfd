"""What a relay and its screens say to each other."""
