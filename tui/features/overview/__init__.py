"""The overview beside the list while no run is selected."""
