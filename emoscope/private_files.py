"""Files of the service are for its user alone: photos of people, the keys of applications."""

import os
from pathlib import Path

_DIR_MODE, _FILE_MODE = 0o700, 0o600
_BLOBS = "blobs"
"""May hold a million files, so it is looked through only until its own mode says that all in it is private."""


def keep_private() -> None:
    """From now on, files and folders that this process makes are for its user alone. Call it at the start of a process."""
    os.umask(0o077)


def make_tree_private(data_dir: Path) -> None:
    """Take the rights of others from the data folder and all that lies in it. Raises OSError.

    An earlier release left them readable. What belongs to another user can't be changed, and raises.
    """
    for folder, folders, files in os.walk(data_dir, topdown=True):
        path = Path(folder)
        if path == data_dir / _BLOBS and _is_private(path):
            folders.clear()
            continue
        for name in files:
            _make_private(path / name, _FILE_MODE)
        if path.name == _BLOBS and path.parent == data_dir:
            continue  # last, below: an interrupted walk is then done again
        _make_private(path, _DIR_MODE)
    if (data_dir / _BLOBS).is_dir():
        _make_private(data_dir / _BLOBS, _DIR_MODE)


def _is_private(path: Path) -> bool:
    return not path.stat().st_mode & 0o077


def _make_private(path: Path, mode: int) -> None:
    try:
        if path.is_symlink() or _is_private(path):
            return
        path.chmod(mode)
    except FileNotFoundError:
        return  # deleted since
