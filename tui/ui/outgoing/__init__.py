"""What leaves the monitor: copies that lead back to a view, links, and texts for other programs."""
