"""What panes and screens are made of; none of these knows the session."""
