"""The application's own `training`, named like a package of the service."""

OWNER = "the application"
