"""Executes the `sh` blocks of the how-to pages unchanged."""

import re
from pathlib import Path

HOW_TO = Path(__file__).parents[2] / "docs/how-to"


def read_commands(page: str, heading: str = "") -> list[str]:
    """The blocks marked `sh` of a page, in their order. heading: only those under this second-level heading."""
    text = (HOW_TO / f"{page}.md").read_text()
    if heading:
        text = re.split(rf"^## {re.escape(heading)}\n", text, maxsplit=1, flags=re.MULTILINE)[1]
        text = re.split(r"^## ", text, maxsplit=1, flags=re.MULTILINE)[0]
    blocks = re.findall(r"^( *)```sh\n(.*?)^ *```", text, flags=re.MULTILINE | re.DOTALL)
    found = [re.sub(rf"^{indent}", "", block, flags=re.MULTILINE) for indent, block in blocks]
    if not found:
        raise LookupError(f"{page} has no commands under {heading!r}")
    return found
