"""Code shared by all subjects of the API."""
