"""The application's own `worker`, named like a package of the service."""

OWNER = "the application"
