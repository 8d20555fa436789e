"""What a worker says of itself to whoever asks whether the service is ready: the reason, and no folder of the machine."""

import re
from pathlib import Path

_FOLDERS = re.compile(r"(?<![\w:/.])(?:/[^/\s'\"]+)*/(?=[^/\s'\"])")


def leave_out_folders(reason: str, *folders: Path) -> str:
    """Each absolute path in the text, with its last name alone left: `/srv/blobs/ab/cd` becomes `cd`. Addresses of the net stay.

    folders: ones whose names may hold spaces, where the end of a path can't be seen.
    """
    for folder in folders:
        reason = reason.replace(f"{folder}/", "/")
    return _FOLDERS.sub("", reason)
