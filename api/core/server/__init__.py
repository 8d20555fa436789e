"""The HTTP server: whole requests are read under deadlines before they take a thread."""
