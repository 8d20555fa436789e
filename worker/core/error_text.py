"""Strips local paths from error messages shown on /readyz."""

import re
from pathlib import Path

_FOLDERS = re.compile(r"(?<![\w:/.])(?:/[^/\s'\"]+)*/(?=[^/\s'\"])")


def strip_paths(reason: str, *folders: Path) -> str:
    """Shorten each absolute path in the text to its last name: `/srv/blobs/ab/cd` becomes `cd`. URLs are kept.

    folders: paths that may contain spaces, whose end couldn't be recognized otherwise.
    """
    for folder in folders:
        reason = reason.replace(f"{folder}/", "/")
    return _FOLDERS.sub("", reason)
