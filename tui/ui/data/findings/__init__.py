"""What wall and overview show, kept up to date while they are shown."""
