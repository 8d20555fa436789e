"""The application's own database module, named like a package of the service."""

names: list[str] = []


def store(name: str) -> None:
    """Store a photo's name."""
    names.append(name)
