"""The screens: the monitor, and the dialogs and pages that open over it."""
