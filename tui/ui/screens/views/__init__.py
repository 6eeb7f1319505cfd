"""The screens of saved views."""
