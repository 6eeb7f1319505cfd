"""The features: everything that is shown or asked, a folder for each thing."""
