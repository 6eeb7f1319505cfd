"""The overview in lines: findings on two lines each, series, failing now, tasks, and the strip of narrow terminals."""
