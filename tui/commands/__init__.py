"""What every command is made of: options, questions, output."""
