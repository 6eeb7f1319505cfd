"""The panes in place of those about the selected run, while no run is selected. The class of each is in a module."""
