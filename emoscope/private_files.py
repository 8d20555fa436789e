"""Restricts the service's files, such as photos and API keys, to its own user."""

import os
from pathlib import Path

_DIR_MODE, _FILE_MODE = 0o700, 0o600
_BLOBS = "blobs"
"""May contain a million files, so it is searched only if its own mode isn't private yet."""


def keep_private() -> None:
    """Make new files and folders of this process private to its user. Call it when a process starts."""
    os.umask(0o077)


def make_tree_private(data_dir: Path) -> None:
    """Remove other users' rights on the data folder and its contents. Raises OSError.

    An earlier release left them readable. Files of other users can't be changed, and raise.
    """
    for folder, folders, files in os.walk(data_dir, topdown=True):
        path = Path(folder)
        if path == data_dir / _BLOBS and _is_private(path):
            folders.clear()
            continue
        for name in files:
            _make_private(path / name, _FILE_MODE)
        if path.name == _BLOBS and path.parent == data_dir:
            continue  # the folder last, so that an interrupted walk is repeated
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
        return  # deleted in the meantime
