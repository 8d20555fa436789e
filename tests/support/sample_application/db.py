"""The application's own database: a module of the same name as one of the service."""

names: list[str] = []


def store(name: str) -> None:
    """Remember a photo."""
    names.append(name)
