"""Stories: worlds in which one thing goes wrong, or nothing. README.md of the emulator says what each one tells."""
