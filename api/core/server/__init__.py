"""The HTTP server: it reads whole requests under deadlines before it gives them a thread."""
