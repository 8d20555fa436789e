"""The application's own `worker`, of the same name as a package of the service."""

OWNER = "the application"
