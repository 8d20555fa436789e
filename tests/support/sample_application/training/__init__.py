"""The application's own `training`, of the same name as a package of the service."""

OWNER = "the application"
