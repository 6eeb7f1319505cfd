"""The wall: findings and the last hour, to be read in passing."""
