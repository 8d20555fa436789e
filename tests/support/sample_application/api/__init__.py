"""The application's own `api`, named like a package of the service."""

OWNER = "the application"
