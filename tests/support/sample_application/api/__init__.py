"""The application's own `api`, of the same name as a package of the service."""

OWNER = "the application"
