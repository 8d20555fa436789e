"""Parses sets of ports: numbers and ranges separated by commas."""

import re

_PART = re.compile(r"([0-9]{1,5})(?:-([0-9]{1,5}))?", re.ASCII)
_MAX_PORT = 65535


def parse_ports(written: str) -> list[range]:
    """Parse `80,443,1024-65535`. Raises ValueError with the reason."""
    found = []
    for part in written.split(","):
        numbers = _PART.fullmatch(part.strip())
        if numbers is None:
            raise ValueError(
                f"must be ports and ranges between commas, such as 80,443,1024-65535; {part.strip()!r} is neither"
            )
        first, last = int(numbers[1]), int(numbers[2] or numbers[1])
        if not 0 < first <= last <= _MAX_PORT:
            raise ValueError(f"must name ports from 1 to {_MAX_PORT}, the smaller one first; {part.strip()!r} doesn't")
        found.append(range(first, last + 1))
    return found
