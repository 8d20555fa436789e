"""The application's own database module, named like a package of the service."""

names: list[str] = []


def store(name: str) -> None:
    """Remember a photo."""
    names.append(name)
